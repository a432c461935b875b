"""Prompts from several domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shifts import Shift, UserError
from shifts.annotator_groups import AnnotatorGroups


@dataclass(frozen=True)
class PromptDomain(AnnotatorGroups):
    """Prompts come from several domains, such as code, law and cooking, and training asks them in another mix.

    groups: the domains, joined by '/'; each is an objective that is known on the prompts of the domain alone.
    fractions: the share of each domain, in the same order; equal where none are given. `share` and `leave_out` on the
    command line are those of `annotator_groups`.
    The utility is that of the mix, u = sum_d f_d u_d, with u_d the mean over the prompts of d. Nobody contradicts
    anybody, since no prompt lies in two domains: what shifts is what a policy is trained on and asked. Pairs carry the
    number of their domain, which group-robust methods read. A suite has domains where each prompt was put to one group,
    as in `preferences` where a column of domains is the group.
    """

    name = "prompt_domain"

    def __post_init__(self) -> None:
        super().__post_init__()
        if blend := next((member for member in self.members if len(member.objectives) > 1), None):
            raise UserError(f"{self.name}: a domain is one objective, got the blend {str(blend)!r}.")

    @property
    def of_prompts(self) -> bool:
        """Domains are sets of prompts."""
        return True

    @classmethod
    def examples(cls, objectives: Sequence[str]) -> list[Shift]:
        """Two domains of unequal size, and three."""
        first, second, third = objectives[:3]
        return [cls(f"{first}/{second}", "0.9/0.1"), cls(f"{first}/{second}/{third}")]
