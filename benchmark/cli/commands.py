"""The commands, one function each, and how the program ends: with an exit status, and a message for a mistake."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmark.cli.arguments import MatrixArguments, go_offline, load_plugins, settings_of, with_arguments
from benchmark.cli.store import store_app
from benchmark.core.errors import UserError, shortened
from benchmark.core.folders import alone_in, check_folder, replacing
from benchmark.core.room import NoRoom, watching_room

FAILED, MISTAKE, INTERRUPTED = 1, 2, 130
LONGEST = 4000  # characters of a message; it may echo what was given
_USAGE_ERROR: Any = typer.BadParameter.__base__  # typer carries its own click, whose class has no public name

app = typer.Typer(
    name="prefshift",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Benchmark how preference-optimisation methods hold up when preferences shift.\n\n"
    "Without a command, [bold]run[/bold] is meant: `python run_all.py --suite grammar --preset smoke`.",
)

app.add_typer(store_app, name="store")

PLUGIN = Annotated[list[Path] | None, typer.Option(help="Python file with a method, shift or suite. Repeatable.")]
CONTRIBUTOR = Annotated[
    str, typer.Option(help="Who runs this, for the page's list of runs. Kept until another name is given.")
]


@app.command()
@with_arguments(MatrixArguments)
def run(given: MatrixArguments, contributor: CONTRIBUTOR = "") -> int:
    """Run what is missing of the matrix, then write the tables and the page.

    Interrupt it at any time: the same command continues where it stopped.
    """
    config, options = settings_of(given, contributor)
    from benchmark.pipeline.run import execute, prepare

    return 0 if execute(config, options, prepare(config, options)) else FAILED


@app.command()
@with_arguments(MatrixArguments)
def plan(given: MatrixArguments) -> int:
    """Show what `run` would do with the same options: cells, stages, time, disk. Runs nothing."""
    from rich.console import Console

    from benchmark.core.store import Store

    config, options = settings_of(given)
    from benchmark.pipeline.execute.local import default_workers
    from benchmark.pipeline.plan import make_plan, plan_table
    from benchmark.pipeline.run import prepare

    matrix = prepare(config, options)
    Console().print(plan_table(make_plan(matrix, Store(options.store)), options.workers or default_workers()))
    return 0


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="methods, shifts, suites, metrics or selection")],
    plugin: PLUGIN = None,
) -> int:
    """List what is registered, one line each."""
    from benchmark.describe import listing

    load_plugins(plugin)
    typer.echo(listing(what))
    return 0


@app.command()
def describe(
    name: Annotated[str, typer.Argument(help="a method, shift or suite")],
    plugin: PLUGIN = None,
) -> int:
    """Describe one plug-in: what it is, its paper, its fields with default and range."""
    from benchmark.describe import description

    load_plugins(plugin)
    typer.echo(description(name))
    return 0


@app.command()
def check(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|FILE.py", help="a method, shift or suite, a call such as 'kldpo(tau=0.3)', or a file"
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="everything that is registered")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="One setting of the suite, e.g. suite.data_file=FILE. Repeatable."
        ),
    ] = None,
    plugin: PLUGIN = None,
) -> int:
    """Check that a method, shift or suite holds to the contract. Exit status 0 only if all of it holds.

    A suite is checked with the settings of its preset `smoke`; its slower checks build its policy.
    """
    if (name is None) != all_:
        raise UserError("check takes one NAME or FILE.py, or --all.")
    go_offline()
    load_plugins(plugin)
    from benchmark.contract.suite import check as check_contract
    from benchmark.contract.worlds import Worlds
    from benchmark.pipeline.kinds import read_config

    return 0 if check_contract(name, Worlds(read_config, tuple(set_ or ()))) else FAILED


@app.command()
def inspect(
    source: Annotated[str, typer.Argument(metavar="FILE|HUB_ID", help="a preference set: json, jsonl, csv, parquet")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the data, e.g. suite.columns.prompt=question."),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never call the hub.")] = False,
) -> int:
    """Show what the suite `preferences` understands of a set of labelled pairs: columns, groups, sizes, some pairs."""
    if offline:
        go_offline()
    from benchmark.cli.inspection import show
    from benchmark.pipeline.config import merged, parse_setting
    from benchmark.suites.preferences.overview import overview
    from benchmark.suites.preferences.settings import data_settings
    from benchmark.suites.preferences.understood import understand

    given: dict[str, Any] = {}
    for setting in set_ or []:
        given = merged(given, parse_setting(setting))
    show(overview(understand(data_settings(source, given))))
    return 0


@app.command()
def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="folders of finished runs")],
    out: Annotated[Path, typer.Option(help="folder of the page")],
    allow_mixed: Annotated[
        bool,
        typer.Option("--allow-mixed", help="Merge runs of other settings or versions too; the page names them."),
    ] = False,
    plugin: PLUGIN = None,
) -> int:
    """Merge finished runs and write one page. Runs of one suite must have been made alike; what differs is named."""
    plugins = load_plugins(plugin)
    check_folder(out, "--out")
    from benchmark.measure.runs.record import refused_where_unreadable
    from benchmark.pipeline.registered import check_measurable

    with refused_where_unreadable(folders):
        for folder in folders:
            check_measurable(folder, plugins)
        return _write_report(folders, out, allow_mixed)


def _write_report(folders: Sequence[Path], out: Path, allow_mixed: bool) -> int:
    from benchmark.pipeline.run import write_page

    with watching_room(out), alone_in(out, "--out"), replacing(out, ("leaderboard.csv", "index.html")) as new:
        page = write_page(folders, new, new / "leaderboard.csv", allow_mixed)
    typer.echo(str((out / page.name).resolve()))
    return 0


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="folder of a run or of a report")],
    format_: Annotated[str, typer.Option("--format", help="csv, latex, markdown or json")] = "markdown",
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Columns of leaderboard.csv, in this order; a metric brings its interval. Default: csv and json have "
            "all, latex and markdown what fits a paper.",
        ),
    ] = None,
) -> int:
    """Print the main table in another format."""
    import pandas as pd

    from leaderboard.export import export as export_table

    file = folder / "leaderboard.csv"
    if not file.is_file():
        raise UserError(f"{str(folder)!r} holds no leaderboard.csv. Give the folder of a finished run or of a report.")
    chosen = None if columns is None else [name.strip() for name in columns.split(",") if name.strip()]
    typer.echo(export_table(pd.read_csv(file), format_, columns=chosen), nl=False)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 done, 1 failed cells, 2 a user's mistake, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    commands |= {group.name for group in app.registered_groups if group.name}
    if not given or (given[0] not in commands and given[0] not in ("-h", "--help")):
        given = ["run", *given] if not given or given[0].startswith("-") else given
    try:
        return app(given, standalone_mode=False) or 0
    except UserError as error:
        print(f"error: {shortened(str(error), LONGEST)}", file=sys.stderr)
        return MISTAKE
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:  # nobody but a user makes such a name
            raise
        print(f"error: the path {shortened(str(error.filename), 120)!r} is too long.", file=sys.stderr)
        return MISTAKE
    except NoRoom as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except _USAGE_ERROR as error:
        error.show()
        return MISTAKE
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted; the same command continues.", file=sys.stderr)
        return INTERRUPTED


def entry_point() -> None:
    """The console script `prefshift`."""
    sys.exit(main())
