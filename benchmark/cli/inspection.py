"""What `prefshift inspect` prints of a preference set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table

from benchmark.suites.preferences.columns import Columns
from benchmark.suites.preferences.judgements import Judgement
from benchmark.suites.preferences.overview import GroupFacts, Overview

MOST_GROUPS = 20
SHOWN = 160  # characters of a text


def show(found: Overview) -> None:
    """Print everything to the terminal."""
    Console().print(Group(*_parts(found)))


def _parts(found: Overview) -> list[Table | str]:
    read = found.understood
    parts = [
        _facts("what was understood", _understood(found)),
        _facts("columns", {**_columns(read.columns), "there are": ", ".join(read.available)}),
        _groups(found.groups),
    ]
    if read.left_out:
        parts.append(_facts("left out", {reason: str(count) for reason, count in read.left_out.most_common()}))
    if found.splits:
        parts.append(_facts("splits of the data", _splits(found)))
    if found.agreements:
        rows = {known.groups: f"{known.chance:.2f} over {known.pairs} pairs" for known in found.agreements}
        parts.append(_facts("chance that two labels of the same pair agree", rows))
    return [*parts, _examples(found.examples)]


def _understood(found: Overview) -> dict[str, str]:
    read = found.understood
    mean, greatest = found.prompt_words
    return {
        "source": f"{read.source}, {read.rows} rows",
        "format": read.format,
        "labels": f"{len(read.labels)}, {found.repeated} of them of a pair that the group labelled before",
        "ties": f"{found.ties:.1%} of the labels",
        "prompts": f"{mean:.0f} words on average, {greatest:.0f} at most",
        "margins": _known(read.labels, "margin"),
        "times": _known(read.labels, "time"),
    }


def _columns(columns: Columns) -> dict[str, str]:
    fields = columns.model_dump(exclude={"labels", "ties"}, exclude_none=True)
    named = {name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in fields.items()}
    labels = {f"labels.{group}": column for group, column in columns.labels.items()}
    return {name: value for name, value in {**named, **labels}.items() if value}


def _known(labels: Sequence[Judgement], name: str) -> str:
    known = sum(getattr(label, name) is not None for label in labels)
    return "none" if not known else "all" if known == len(labels) else f"of {known} labels"


def _splits(found: Overview) -> dict[str, str]:
    rows = {split: f"{count} labels" for split, count in found.splits.items()}
    return rows | {f"in {both}": f"{count} prompts in both" for both, count in found.shared.items()}


def _groups(groups: Sequence[GroupFacts]) -> Table:
    table = Table(title="groups", title_justify="left")
    table.add_column("in calls", no_wrap=True)
    table.add_column("in the data", overflow="fold")
    for name in ("labels", "pairs", "prompts", "words: chosen, other", "longer chosen"):
        table.add_column(name, justify="right")
    for group in groups[:MOST_GROUPS]:
        numbers = [str(group.labels), str(group.pairs), str(group.prompts)]
        words = f"{group.chosen_words:.0f}, {group.rejected_words:.0f}"
        longer = "-" if math.isnan(group.longer) else f"{group.longer:.0%}"
        table.add_row(group.name, escape(group.original), *numbers, words, longer)
    if len(groups) > MOST_GROUPS:
        table.caption = f"and {len(groups) - MOST_GROUPS} smaller ones"
    return table


def _examples(labels: Sequence[Judgement]) -> Table:
    table = Table(title="some pairs", title_justify="left", show_lines=True)
    for name in ("group", "prompt", "chosen", "rejected"):
        table.add_column(name, overflow="fold")
    for label in labels:
        table.add_row(*(escape(_short(text)) for text in (label.group, label.prompt, label.chosen, label.rejected)))
    return table


def _facts(title: str, facts: Mapping[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(escape(name), escape(str(value)))
    return table


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
