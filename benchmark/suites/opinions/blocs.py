"""Whose preferences are objectives: single groups of a survey, or blocs of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from benchmark.core.data import Floats
from benchmark.core.errors import UserError, unknown
from benchmark.suites.names import NAME, slug
from benchmark.suites.opinions.survey import SurveyQuestion

READY_MADE = Path(__file__).parent / "blocs"


@dataclass(frozen=True)
class Blocs:
    """members: groups of the survey by bloc; absent: groups that a ready-made mapping names and the data does not
    have."""

    members: Mapping[str, tuple[str, ...]]
    absent: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the objectives."""
        return tuple(self.members)

    def shares(self, question: SurveyQuestion) -> Floats:
        """Share of each answer in every bloc: the mean of those of its groups that were asked, each counted alike;
        NaN where none was. Shape [answers, blocs]."""
        result = np.full((len(question.options), len(self.members)), np.nan)
        for column, groups in enumerate(self.members.values()):
            asked = [question.selections[group] for group in groups if group in question.selections]
            if asked:
                result[:, column] = np.mean(asked, axis=0)
        return result


def ready_made() -> dict[str, Path]:
    """The mappings that come with the suite."""
    return {path.stem: path for path in sorted(READY_MADE.glob("*.yaml"))}


def largest(questions: Sequence[SurveyQuestion], count: int) -> Blocs:
    """The groups that were asked most questions, each a bloc of its own; names are made of theirs.

    Raises:
        UserError: there are fewer groups, or two of them get one name.
    """
    asked = Counter(group for question in questions for group in question.selections)
    if len(asked) < count:
        raise UserError(f"suite.groups is {count}, but the data has {len(asked)} groups: {', '.join(sorted(asked))}.")
    chosen = sorted(asked, key=lambda group: (-asked[group], group))[:count]
    members = {slug(group): (group,) for group in chosen}
    if len(members) < count:
        raise UserError(f"two of the groups {', '.join(chosen)} have the same name; name blocs with suite.blocs=FILE.")
    return Blocs(members)


def read(source: str, questions: Sequence[SurveyQuestion]) -> Blocs:
    """The blocs of a file, or of a ready-made mapping by its name.

    Raises:
        UserError: neither; not of the form `bloc: [groups]`; a group that the data does not have, or that is in two
            blocs; a bloc without any.
    """
    known = ready_made()
    path = known.get(source, Path(source))
    if not path.is_file():
        raise UserError(f"suite.blocs is no file, and {unknown('mapping of blocs', source, known)}")
    mapping = _mapping(path)
    groups = {group for question in questions for group in question.selections}
    absent = [group for members in mapping.values() for group in members if group not in groups]
    if absent and source not in known:
        raise UserError(f"{path}: {unknown('group', absent[0], groups)}")
    members = {bloc: tuple(group for group in named if group in groups) for bloc, named in mapping.items()}
    empty = [bloc for bloc, present in members.items() if not present]
    if empty:
        raise UserError(
            f"suite.blocs={source}: the data has none of the groups of {', '.join(empty)}. It has "
            f"{', '.join(sorted(groups)[:20])}{', ...' if len(groups) > 20 else ''}."
        )
    return Blocs(members, tuple(absent))


def _mapping(path: Path) -> dict[str, list[str]]:
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"suite.blocs: {str(path)!r} cannot be read: {' '.join(str(error).split())}") from None
    shape = isinstance(loaded, dict) and all(isinstance(groups, list) and groups for groups in loaded.values())
    if not shape or len(loaded) < 2:
        raise UserError(f"{path} must hold at least two blocs, each `bloc: [group, group, ...]`.")
    wrong = [bloc for bloc in loaded if not isinstance(bloc, str) or not NAME.fullmatch(bloc)]
    if wrong:
        raise UserError(f"{path}: a bloc's name is lower-case letters, digits and underscores, got {wrong[0]!r}.")
    mapping = {bloc: [str(group) for group in groups] for bloc, groups in loaded.items()}
    counted = Counter(group for groups in mapping.values() for group in groups)
    twice = [group for group, times in counted.items() if times > 1]
    if twice:
        raise UserError(f"{path}: {twice[0]!r} is named twice; a group belongs to one bloc.")
    return mapping
