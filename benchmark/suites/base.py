"""A suite of texts: a reference policy, and the objectives by which what it says is judged.

What differs is how a policy is judged, and so what pairs are made of: by completions that it samples and that reward
models score (`generated.py`), or exactly, by its distribution over a finite set of answers (`answers.py`).
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from benchmark.core.code import OFFERED
from benchmark.core.graph import Progress
from benchmark.core.hub import Needed
from benchmark.core.plugins import Registry
from benchmark.core.work import Work
from benchmark.policies.sizes import PolicySize
from benchmark.suites.common import AnySuite
from benchmark.suites.sizes import Built, TextSizes

if TYPE_CHECKING:
    from methods import Method

Split = Literal["train", "validation", "test"]


class Suite(AnySuite):
    """One world of texts in which methods are compared. Each `*_spec` names all that determines the artefact beside it,
    and nothing else: it is the artefact's key in the store. A suite subclasses one of the kinds of judging."""

    registry: ClassVar[Registry[Any]] = Registry("suite", "benchmark.suites", OFFERED)

    # What is judged -------------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def objectives(self) -> tuple[str, ...]:
        """Names of the reward objectives."""

    @abstractmethod
    def reward_ranges(self) -> dict[str, tuple[float, float]]:
        """Least and greatest reward of every objective on the suite's scale; the least is what a completion that
        fails the quality gate receives."""

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """Facts that a reader of the leaderboard needs: data, policy, reward scale, gold judge, quality gate."""

    def default_train_shifts(self) -> list[str]:
        """Training shifts, as calls, of a run that names none; empty where a run has to."""
        return []

    def skip(self, method: Method) -> str | None:
        """Why the suite cannot train or judge `method`, in words for the reader of the leaderboard; None: it can."""
        return None

    # What is built once ---------------------------------------------------------------------------------------------

    def needed(self) -> list[Needed]:
        """Models and data sets that the settings name, whether they are on this machine or not."""
        return []

    def check(self) -> None:
        """Raise a UserError, before anything runs, where the settings or their data cannot work."""

    def check_backend(self, backend: str) -> None:
        """Raise a UserError, before anything runs, where `backend` could not run the reference policy."""

    @abstractmethod
    def policy_spec(self, seed: int) -> dict[str, Any]:
        """JSON that determines the reference policy of `seed`."""

    @abstractmethod
    def build_policy(self, seed: int, folder: Path, progress: Progress) -> None:
        """Write the reference policy into `folder`: a transformers checkpoint with tokenizer and pad token."""

    # What it costs, about: `plan` guesses and scales by these -------------------------------------------------------

    def text_sizes(self) -> TextSizes | None:
        """Numbers of prompts and lengths of texts; None (the default): not stated, and times are guessed."""
        return None

    def policy_size(self) -> PolicySize | None:
        """Size of the reference policy; None: not known before it is built."""
        return None

    def building(self, what: Built) -> Work | None:
        """The work of building the policy, the reward model or the judge; None: not known."""
        return None
