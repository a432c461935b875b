"""`prefshift store`: what the store holds, whether it is sound, and what may go."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from benchmark.core.errors import UserError, unknown

store_app = typer.Typer(help="Look after the store of artefacts: what it holds, whether it is sound, what may go.")

STORE = Annotated[Path, typer.Option("--store", help="The store's folder.")]
DRY_RUN = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
DEFAULT = Path(".cache/prefshift")


@store_app.command()
def ls(
    kind: Annotated[str | None, typer.Argument(help="a kind, to see its artefacts one by one")] = None,
    most: Annotated[int, typer.Option(min=1, help="Artefacts to show, the newest first.")] = 50,
    store: STORE = DEFAULT,
) -> int:
    """List what the store holds: kinds with their numbers, or the artefacts of one kind."""
    from benchmark.pipeline import upkeep

    opened = upkeep.opened(store)
    counted = upkeep.kinds(opened)
    if kind is None:
        rows = [[one.name, f"{one.artefacts:,}", f"{one.referred:,}"] for one in counted]
        _print(["kind", "artefacts", "runs refer to"], rows)
        return 0
    if kind not in {one.name for one in counted}:
        raise unknown("kind of artefact", kind, [one.name for one in counted])
    found = upkeep.artefacts(opened, kind)
    rows = [
        [one.key, one.label, _when(one.made), _size(one.bytes), "yes" if one.sealed else "no", str(one.runs)]
        for one in found[:most]
    ]
    _print(["key", "label", "made", "size", "checksums", "runs"], rows)
    if len(found) > most:
        typer.echo(f"{len(found) - most:,} older ones are not shown; --most shows more.")
    return 0


@store_app.command()
def du(store: STORE = DEFAULT) -> int:
    """Say how much room every kind takes, and how much of it nothing refers to."""
    from benchmark.pipeline import upkeep

    opened = upkeep.opened(store)
    sizes: dict[str, int] = {}
    for kind, key in opened.artefacts():
        sizes[kind] = sizes.get(kind, 0) + upkeep.bytes_in(opened.path(kind, key))
    free: dict[str, int] = {}
    for one in upkeep.garbage(opened, old_too=False):
        free[one.kind] = free.get(one.kind, 0) + one.bytes
    sizes |= {upkeep.LEFT_OVER: free[upkeep.LEFT_OVER]} if upkeep.LEFT_OVER in free else {}
    rows = [[name, _size(size), _size(free.get(name, 0))] for name, size in sorted(sizes.items(), key=lambda i: -i[1])]
    _print(["kind", "size", "`gc` would free"], [*rows, ["all", _size(sum(sizes.values())), _size(sum(free.values()))]])
    return 0


@store_app.command()
def verify(store: STORE = DEFAULT, dry_run: DRY_RUN = False) -> int:
    """Hold every artefact against its checksums. A damaged one is set aside, so that the next run makes it again.

    Exit status 1 where any is damaged.
    """
    from rich.console import Console
    from rich.progress import Progress

    from benchmark.pipeline import upkeep

    opened, console = upkeep.opened(store), Console(stderr=True)
    total, damaged = sum(1 for _ in opened.artefacts()), 0
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("verifying", total=total)
        for kind, key, fault in upkeep.faults(opened, lambda done: bar.update(task, completed=done)):
            damaged += 1
            place = "" if dry_run else f"; set aside in {str(opened.set_aside(kind, key))!r}"
            typer.echo(f"damaged: {kind}/{key}, {fault}{place}")
    old = upkeep.without_checksums(opened)
    untold = f"; {old:,} without checksums, which earlier versions did not write" if old else ""
    typer.echo(f"{total:,} artefacts, {damaged:,} damaged{untold}.")
    return 1 if damaged else 0


@store_app.command()
def gc(
    store: STORE = DEFAULT,
    dry_run: DRY_RUN = False,
    forget: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Keep nothing for the run in this folder. Repeatable.")
    ] = None,
    forget_gone: Annotated[
        bool, typer.Option("--forget-gone", help="Keep nothing for runs of this machine whose folders are not there.")
    ] = False,
    old: Annotated[
        bool,
        typer.Option("--old", help="Remove artefacts without checksums too: earlier versions recorded no runs."),
    ] = False,
) -> int:
    """Remove what no run refers to, and what stopped stages and damage left. What a run refers to stays, unless it is
    told to be forgotten."""
    from benchmark.pipeline import references, upkeep

    opened = upkeep.opened(store)
    opened.sweep()
    away = upkeep.gone(opened)
    forgotten = [*(forget or []), *(Path(run.out) for run in away if forget_gone)]
    strangers = [folder for folder in forget or [] if not references.known(opened.root, folder)]
    if strangers:
        raise UserError(f"the store knows of no run in {str(strangers[0])!r}.")
    found = upkeep.garbage(opened, old_too=old, without=forgotten)
    if not dry_run:
        for folder in forgotten:
            references.forget(opened.root, folder)
        for one in found:
            opened.remove(one.folder)
    freed = _size(sum(one.bytes for one in found))
    typer.echo(f"{'would remove' if dry_run else 'removed'} {len(found):,} folders, {freed}.")
    if away and not forget_gone:
        runs = ", ".join(run.out for run in away)
        typer.echo(f"Runs whose folders are not there keep what they refer to: {runs}. --forget-gone lets it go.")
    return 0


def _print(headings: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for number, heading in enumerate(headings):
        table.add_column(heading, no_wrap=number == 0)  # a key is of use whole
    for row in rows:
        table.add_row(*row)
    Console().print(table, markup=False, highlight=False)


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
