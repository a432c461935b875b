"""What was understood of a preference set: its rows, its columns, and what people said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmark.core.errors import UserError
from benchmark.suites.preferences import formats, groups, reading
from benchmark.suites.preferences.columns import Columns, resolve, value_at
from benchmark.suites.preferences.flatten import FUNCTIONS
from benchmark.suites.preferences.formats import Format
from benchmark.suites.preferences.judgements import Judgement, Unusable, judgements
from benchmark.suites.preferences.reading import Row, Source
from benchmark.suites.preferences.settings import DataSettings

UNREADABLE = "a line that is no row"


@dataclass(frozen=True)
class Understood:
    """source: where from, in words; rows: how many; format: its name; columns: those in use; available: all of them;
    labels: what people said; left_out: why rows and labels say nothing, with their numbers."""

    source: str
    rows: int
    format: str
    columns: Columns
    available: tuple[str, ...]
    labels: list[Judgement]
    left_out: Counter[str]


def understand(settings: DataSettings) -> Understood:
    """Read the data that the settings name.

    Raises:
        UserError: no data is named or it cannot be read, a column is missing, or no row says anything.
    """
    source, format_name = _read(settings)
    form = formats.named(format_name)
    left_out = Counter({UNREADABLE: source.unreadable})
    columns = _overlaid(form.columns, settings.columns)
    rows = _with_annotators(list(_flat(source.rows, form, left_out)), columns, form, settings)
    available = Source(rows, 0, "").columns()
    where = f"{source.name} (format {format_name})"
    if rows:
        columns = resolve(_with_subset(columns, available), available, where)
    labels, unusable = judgements(rows, columns)
    left_out = +(left_out + unusable)
    if not labels:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in left_out.most_common())
        raise UserError(f"{where}: none of {len(source.rows)} rows is a labelled pair: {reasons}.")
    if settings.group_bins is not None:
        labels = groups.in_ranges(labels, settings.group_bins, str(columns.group))
    return Understood(source.name, len(source.rows), format_name, columns, tuple(available), labels, left_out)


def data_spec(settings: DataSettings) -> dict[str, Any]:
    """JSON that determines what is understood: files by their content, formats by what they say."""
    its = settings
    people = [its.annotators_file] if its.annotators_file else []
    known = formats.ready_made() if its.format == "auto" else {its.format: formats.named(its.format)}
    return {
        "files": reading.fingerprint(its.data_file),
        "people": reading.fingerprint(people, "suite.annotators_file"),
        "hub": None if its.data_file else [its.hub_id, its.config, its.folders, its.revision],
        "formats": {name: form.model_dump() for name, form in known.items()},
        "columns": its.columns.model_dump(),
        "group_bins": its.group_bins,
    }


def _read(settings: DataSettings) -> tuple[Source, str]:
    """The rows, and the name of their format."""
    its = settings
    chosen = None if its.format == "auto" else formats.named(its.format)
    if its.data_file:
        source = reading.read_files(its.data_file)
        return source, its.format if chosen else formats.recognised(source.columns())
    hub_id = its.hub_id or (chosen.hub if chosen else None)
    if hub_id is None:
        published = ", ".join(name for name, form in formats.ready_made().items() if form.hub)
        raise UserError(
            "suite preferences needs data: --set suite.data_file=FILE (json, jsonl, csv or parquet with columns "
            "prompt, chosen, rejected, group), --set suite.hub_id=ID, or a published set, --set suite.format=NAME: "
            f"{published}."
        )
    form = chosen or formats.of_hub(hub_id) or Format(about="")
    where = its.config or form.config, its.folders or form.folders, its.revision or form.revision
    source = reading.read_hub(hub_id, *where)
    return source, its.format if chosen else formats.recognised(source.columns())


def _flat(rows: list[Row], form: Format, left_out: Counter[str]) -> Iterator[Row]:
    """Plain rows; a function of the format may make several of one."""
    if form.flatten is None:
        yield from rows
        return
    for row in rows:
        try:
            yield from ({**row, **made} for made in FUNCTIONS[form.flatten](row))
        except Unusable as reason:
            left_out[str(reason)] += 1


def _overlaid(columns: Columns, own: Columns) -> Columns:
    """The format's columns with the user's in their place; a group or label of one's own replaces several labels."""
    given = own.model_dump(exclude_unset=True)
    rest = columns.model_dump()
    if given.keys() & {"group", "label"}:
        rest["labels"] = {}
    return Columns(**{**rest, **given})


def _with_subset(columns: Columns, available: list[str]) -> Columns:
    """Several files or folders without a column of groups: each is a group."""
    if columns.group or columns.labels or "group" in map(str.lower, available) or reading.SUBSET not in available:
        return columns
    return columns.model_copy(update={"group": reading.SUBSET})


def _with_annotators(rows: list[Row], columns: Columns, form: Format, settings: DataSettings) -> list[Row]:
    """The rows with what is known of who labelled them."""
    file = settings.annotators_file
    if file is None and (form.people is None or settings.data_file):
        return rows
    if columns.annotator is None:
        raise UserError("suite.annotators_file needs the column that says who labelled: suite.columns.annotator=COLUMN")
    if file is not None:
        people = reading.read_files([file], "suite.annotators_file")
    else:
        people = reading.read_hub(settings.hub_id or str(form.hub), form.people, [], settings.revision)
    known = {str(value_at(person, columns.annotator)): person for person in people.rows}
    known.pop("None", None)
    if not known:
        raise UserError(f"{people.name} has no column {columns.annotator!r}; it has {', '.join(people.columns())}.")
    return [{**known.get(str(value_at(row, columns.annotator)), {}), **row} for row in rows]
