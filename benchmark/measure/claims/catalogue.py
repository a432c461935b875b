"""The file of claims: who says what, where, and by which number it is checked."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmark.core.errors import UserError, unknown

FILE = Path(__file__).with_name("claims.yaml")
Metric = Literal[
    "nominal",
    "far_end",
    "fall",
    "gated_over_envelope",
    "logp_chosen",
    "logp_rejected",
    "worst_group_accuracy",
    "worst_group_loss",
    "group_loss_gap",
    "lm_eval/leaderboard_ifeval/prompt_level_strict_acc",
    "lm_eval/leaderboard_ifeval/inst_level_strict_acc",
    "lm_eval/leaderboard_bbh/acc_norm",
    "lm_eval/leaderboard_math_hard/exact_match",
    "lm_eval/leaderboard_mmlu_pro/acc",
]
TASK_METRICS: tuple[Metric, ...] = tuple(name for name in get_args(Metric) if name.startswith("lm_eval/"))


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sided(_Entry):
    """The claim's side of a threshold, in the units of the number."""

    claimed: Literal["above", "below"]
    threshold: float = 0.0


class Where(_Entry):
    """Which training shifts a check applies to; None: any."""

    shift: str | None = Field(None, description="name of the family")
    mixing: str | None = Field(None, description="the family's `kind`")


class MetricCheck(Sided):
    """A number of one method, in every arena of text suites that has it."""

    kind: Literal["metric"]
    metric: Metric
    method: str
    where: Where = Where()


class DifferenceCheck(Sided):
    """A number of one method minus that of another, paired over seeds and prompts, in every arena that has both."""

    kind: Literal["difference"]
    metric: Metric
    method: str
    against: str
    where: Where = Where()


class StudyCheck(Sided):
    """A number of one method in an analytic suite: in one scenario, or in each."""

    kind: Literal["study"]
    suite: str
    metric: str
    method: str
    scenario: str | None = None


class StudyDifferenceCheck(Sided):
    """The same minus that of another method (`against`) or of another scenario (`against_scenario`), paired by seed."""

    kind: Literal["study difference"]
    suite: str
    metric: str
    method: str
    scenario: str | None = None
    against: str | None = None
    against_scenario: str | None = None

    @model_validator(mode="after")
    def _one_rival(self) -> StudyDifferenceCheck:
        if (self.against is None) == (self.against_scenario is None):
            raise ValueError("give one of `against` and `against_scenario`")
        if self.against_scenario is not None and self.scenario is None:
            raise ValueError("`against_scenario` needs a `scenario`")
        return self


class NotRun(_Entry):
    """No suite here can check it, and why."""

    kind: Literal["not run"]
    reason: str = Field(min_length=1)


Check = Annotated[
    MetricCheck | DifferenceCheck | StudyCheck | StudyDifferenceCheck | NotRun, Field(discriminator="kind")
]


class Claim(_Entry):
    """One statement of one paper, in our words."""

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    paper: str = Field(description="a key of `papers`")
    source: str = Field(min_length=1, description="section, theorem, table or experiment")
    text: str = Field(min_length=1)
    checks: tuple[Check, ...] = Field(min_length=1)


class Catalogue(_Entry):
    """All claims, with the full names of their papers."""

    papers: dict[str, str]
    claims: tuple[Claim, ...] = Field(min_length=1)


@cache
def read_catalogue(file: Path = FILE) -> Catalogue:
    """Read and check the file.

    Raises:
        UserError: it is no YAML, a key or value is not allowed (which entry, what is), or an id stands twice.
    """
    try:
        raw: Any = yaml.safe_load(file.read_text())
        catalogue = Catalogue(**raw)
    except (OSError, TypeError, yaml.YAMLError) as error:
        raise UserError(f"{file.name} cannot be read as claims: {error}") from None
    except ValidationError as error:
        raise UserError("\n".join(f"{file.name}: {_mistake(item, raw)}" for item in error.errors())) from None
    ids = [claim.id for claim in catalogue.claims]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise UserError(f"{file.name}: two claims have the id {twice[0]!r}; ids must differ.")
    for claim in catalogue.claims:
        if claim.paper not in catalogue.papers:
            raise unknown(f"paper of claim {claim.id!r}", claim.paper, catalogue.papers)
    return catalogue


def _mistake(item: Any, raw: Any) -> str:
    """Which entry, by its id where it has one, and what is wrong with it."""
    keys = list(item["loc"])
    name = ".".join(map(str, keys))
    if keys[:1] == ["claims"] and len(keys) > 1:
        entry = raw["claims"][keys[1]]
        name = f"claim {entry.get('id', keys[1])!r}, {'.'.join(map(str, keys[2:]))}"
    return f"{name}: {item['msg']}, got {item['input']!r}."
