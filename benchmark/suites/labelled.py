"""Suites of fixed pairs that people labelled: nothing is sampled, there is no reward model, labels are people's own."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.core.data import Floats, Ints
from benchmark.suites.base import Split, Suite

if TYPE_CHECKING:
    from methods import Method

OWN_LABELS = {"kind": "people's own"}  # what a run of such a suite records of how labels were made


@dataclass(frozen=True)
class Labels:
    """What people said of pairs of responses, one entry per label: texts, and arrays of shape [labels].

    prompts: what a policy reads; chosen, rejected: as they follow it. groups: number of the objective whose group the
    person belongs to. margins: by how much the chosen response is better, in the data's own unit, or None where that is
    not known of all; times: when it was said, in [0, 1], or None likewise.
    """

    prompts: list[str]
    chosen: list[str]
    rejected: list[str]
    groups: Ints
    margins: Floats | None = None
    times: Floats | None = None

    def __len__(self) -> int:
        return len(self.prompts)


@dataclass(frozen=True)
class HeldOutPairs:
    """Different pairs in a fixed order. `first` and `second` are told apart by nothing that people said.

    chose_first: share of a group's labels that chose the first response, shape [pairs, objectives]; NaN where nobody of
    the group was asked.
    """

    ids: list[str]
    prompts: list[str]
    first: list[str]
    second: list[str]
    chose_first: Floats

    def __len__(self) -> int:
        return len(self.ids)


class LabelledSuite(Suite):
    """Pairs carry their label from a person of a group; a policy is judged by how its implicit reward orders held-out
    pairs, each group on the pairs that it labelled.

    The implicit reward is beta log pi / pi_ref (arXiv:2305.18290), so h = log-ratio of the first response minus that of
    the second orders a pair whatever beta is. The value of a pair under a group is the chance that a label of the group
    agrees with that order: s where h > 0, 1 - s where h < 0, 1/2 where h = 0, with s the share of the group's labels
    that chose the first. Its mean is the group's preference accuracy.

    Why this and not the likelihood of the labels: it is bounded, so ranges mean the same for all methods; it needs no
    beta, which several methods have not and which scales the others' likelihood; and the accuracy of a policy drawn at
    random is the mean of the policies' accuracies, as the DPO envelope needs it. The reference orders nothing: it is
    worth 1/2 under everybody. The price is that a policy which moved little, in the right directions, is worth as much
    as one that moved far: margins and calibration, which stand beside it, tell them apart.
    """

    @abstractmethod
    def labels_spec(self) -> dict[str, Any]:
        """JSON that determines the labels of all splits; with the tokenizer's source where lengths decide."""

    @abstractmethod
    def labels(self) -> Labels:
        """The labels to train on."""

    @abstractmethod
    def held_out(self, split: Split) -> HeldOutPairs:
        """The pairs of `validation` or `test`; their prompts are in no other split."""

    @property
    @abstractmethod
    def train_pairs(self) -> int:
        """Number of labels that a policy is trained on, whatever the mix of groups."""

    def reward_ranges(self) -> dict[str, tuple[float, float]]:
        """A chance of agreement."""
        return dict.fromkeys(self.objectives, (0.0, 1.0))

    def skip(self, method: Method) -> str | None:
        """What draws completions, or needs rewards of every pair, has nothing to work on here."""
        from methods import Method  # torch comes with it, and whoever looks at the data needs none

        if method.candidates is not None or method.needs_rewards:
            return f"{self.name} has people's labels on given pairs: no completion is drawn or scored"
        made_of_parts = type(method).parts is not Method.parts
        if method.needs_shift and not made_of_parts:
            return f"{method.name} needs the rewards of every pair under all objectives; people gave one label each"
        return None
