"""Ready-made formats: where a published set is, how it is recognised, and what its columns say."""

from __future__ import annotations

import functools
from collections.abc import Collection
from pathlib import Path

import yaml
from pydantic import Field

from benchmark.core.errors import unknown
from benchmark.core.settings import Section, checked
from benchmark.suites.preferences.columns import Columns
from benchmark.suites.preferences.reading import SPLIT, SUBSET

FOLDER = Path(__file__).parent / "formats"


class Format(Section):
    """One file of `formats/`."""

    about: str
    hub: str | None = Field(None, description="id of the data set")
    config: str | None = Field(None, description="its configuration there")
    folders: list[str] = Field([], description="data_dir there; each is the `subset` of its rows")
    revision: str | None = Field(None, description="there; None: its newest")
    people: str | None = Field(None, description="configuration there with a row per annotator")
    needs: list[str] = Field([], description="columns by which it is recognised")
    exact: bool = Field(False, description="it has no other columns than these")
    flatten: str | None = Field(None, description="function of flatten.py that makes plain rows of one row")
    columns: Columns = Columns()


@functools.cache
def ready_made() -> dict[str, Format]:
    """The formats that come with the suite, by name."""
    return {path.stem: checked(Format, yaml.safe_load(path.read_text())) for path in sorted(FOLDER.glob("*.yaml"))}


def named(name: str) -> Format:
    """The format of that name; a UserError with the nearest match where there is none."""
    known = ready_made()
    if name not in known:
        raise unknown("format", name, known)
    return known[name]


def recognised(columns: Collection[str]) -> str:
    """The name of the format whose needs the columns meet, the one with most needs; else `plain`, which has none."""
    fits = {
        name: len(found.needs)
        for name, found in ready_made().items()
        if set(found.needs) <= set(columns) and not (found.exact and set(columns) - {*found.needs, SUBSET, SPLIT})
    }
    return max(sorted(fits), key=lambda name: fits[name])


def of_hub(hub_id: str) -> Format | None:
    """The first format of a data set of the hub, None where none is known."""
    return next((found for found in ready_made().values() if found.hub == hub_id), None)
