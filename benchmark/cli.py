"""The command line: `python run_all.py`, or `prefshift` where the package is installed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmark.core.errors import UserError, unknown

FAILED, MISTAKE, INTERRUPTED = 1, 2, 130
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

SUITE = Annotated[str, typer.Option(help="grammar (embedded: no network, no download) or another of `list suites`.")]
PRESET = Annotated[str, typer.Option(help="Size of the run: smoke, quick or full.")]
CONFIG = Annotated[Path | None, typer.Option(help="YAML file with any settings, laid over the preset.")]
SET = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="One setting; dotted keys, e.g. training.learning_rate=1e-4 or suite.data_dir=DIR. Repeatable.",
    ),
]
METHODS = Annotated[str | None, typer.Option(help="Methods as calls: 'dpo(beta=0.1),kldpo(tau=0.3)'.")]
TRAIN = Annotated[str | None, typer.Option(help="Training shifts: 'alpha_mixture(a=anger,b=fear,alpha=0.1)'.")]
EVAL = Annotated[
    str | None, typer.Option(help="Evaluation shifts; alpha=0:1:0.1 is a grid. Default: the training shift's own grid.")
]
SEEDS = Annotated[int | None, typer.Option(help="Number of seeds: 0, 1, ...")]
OUT = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the run. Default: runs/SUITE-PRESET. Running again with "
        "more methods, shifts or seeds extends it."
    ),
]
STORE = Annotated[Path, typer.Option(help="Artefacts, shared by all runs.")]
BACKEND = Annotated[
    str, typer.Option(help="auto, vllm or transformers. auto: vllm where it is installed and a GPU makes it pay.")
]
EXECUTOR = Annotated[str, typer.Option(help="Where stages run: local.")]
WORKERS = Annotated[
    int | None,
    typer.Option(min=1, help="Worker processes, one thread each. Default: one per GPU, else one per core, at most 8."),
]
PLUGIN = Annotated[list[Path] | None, typer.Option(help="Python file with a method or shift. Repeatable.")]
CONTRIBUTOR = Annotated[
    str, typer.Option(help="Who runs this, for the page's list of runs. Kept until another name is given.")
]
OFFLINE = Annotated[bool, typer.Option("--offline", help="Never call the hub.")]
DEFAULT_STORE = Path(".cache/prefshift")


def _settings(**given: Any) -> tuple[Any, Any]:
    """Configuration and options of `run` and `plan` from their arguments."""
    from benchmark.core.plugins import load_file
    from benchmark.generation import resolve_backend
    from benchmark.pipeline.config import is_study, read_config, read_study_config
    from benchmark.pipeline.execute.local import default_workers
    from benchmark.pipeline.run import RunOptions, read_environment

    if given["executor"] != "local":
        raise unknown("executor", given["executor"], ["local"])
    if given["offline"]:
        _go_offline()
    out = given["out"] or Path("runs") / f"{given['suite']}-{given['preset']}"
    recorded = [Path(file) for file in (read_environment(out) or {}).get("plugins", []) if Path(file).is_file()]
    plugins = tuple(dict.fromkeys(file.resolve() for file in [*(given["plugin"] or []), *recorded]))
    for file in plugins:
        load_file(file)
    overrides = {key: given[key] for key in ("methods", "train_shifts", "eval_shifts", "seeds")}
    analytic = is_study(given["suite"])
    read: Any = read_study_config if analytic else read_config
    config = read(given["suite"], given["preset"], given["config"], given["set_"] or [], overrides)
    options = RunOptions(
        out=out,
        store=given["store"],
        backend="none" if analytic else resolve_backend(given["backend"]),
        workers=given["workers"] or default_workers(),
        plugins=plugins,
        contributor=given.get("contributor", ""),
    )
    return config, options


def _runner(settings: Any) -> Any:
    """The module that runs what the settings say: a suite of text, or an analytic one."""
    import benchmark.pipeline.analytic.run
    import benchmark.pipeline.run
    from benchmark.pipeline.config import StudyConfig

    return benchmark.pipeline.analytic.run if isinstance(settings, StudyConfig) else benchmark.pipeline.run


def _go_offline() -> None:
    import os

    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_DATASETS_OFFLINE"] = "1"


@app.command()
def run(
    suite: SUITE = "grammar",
    preset: PRESET = "quick",
    config: CONFIG = None,
    set_: SET = None,
    methods: METHODS = None,
    train_shifts: TRAIN = None,
    eval_shifts: EVAL = None,
    seeds: SEEDS = None,
    out: OUT = None,
    store: STORE = DEFAULT_STORE,
    backend: BACKEND = "auto",
    executor: EXECUTOR = "local",
    workers: WORKERS = None,
    plugin: PLUGIN = None,
    offline: OFFLINE = False,
    contributor: CONTRIBUTOR = "",
) -> int:
    """Run what is missing of the matrix, then write the tables and the page.

    Interrupt it at any time: the same command continues where it stopped.
    """
    settings, options = _settings(**locals())
    runner = _runner(settings)
    matrix = runner.prepare(settings, options)
    return 0 if runner.execute(settings, options, matrix) else FAILED


@app.command()
def plan(
    suite: SUITE = "grammar",
    preset: PRESET = "quick",
    config: CONFIG = None,
    set_: SET = None,
    methods: METHODS = None,
    train_shifts: TRAIN = None,
    eval_shifts: EVAL = None,
    seeds: SEEDS = None,
    out: OUT = None,
    store: STORE = DEFAULT_STORE,
    backend: BACKEND = "auto",
    executor: EXECUTOR = "local",
    workers: WORKERS = None,
    plugin: PLUGIN = None,
    offline: OFFLINE = False,
) -> int:
    """Show what `run` would do with the same options: cells, stages, time, disk. Runs nothing."""
    from rich.console import Console

    from benchmark.core.store import Store
    from benchmark.pipeline.plan import make_plan, plan_table

    settings, options = _settings(**locals())
    matrix = _runner(settings).prepare(settings, options)
    Console().print(plan_table(make_plan(matrix, Store(options.store)), options.workers))
    return 0


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="methods, shifts, suites, metrics or selection")],
    plugin: PLUGIN = None,
) -> int:
    """List what is registered, one line each."""
    from benchmark.describe import listing

    _load_plugins(plugin)
    typer.echo(listing(what))
    return 0


@app.command()
def describe(
    name: Annotated[str, typer.Argument(help="a method, shift or suite")],
    plugin: PLUGIN = None,
) -> int:
    """Describe one plug-in: what it is, its paper, its fields with default and range."""
    from benchmark.describe import description

    _load_plugins(plugin)
    typer.echo(description(name))
    return 0


@app.command()
def check(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME|FILE.py", help="a method or shift, a call such as 'kldpo(tau=0.3)', or a file"),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="everything that is registered")] = False,
    plugin: PLUGIN = None,
) -> int:
    """Check that a method or shift holds to the contract. Exit status 0 only if all of it holds."""
    if (name is None) != all_:
        raise UserError("check takes one NAME or FILE.py, or --all.")
    _go_offline()
    _load_plugins(plugin)
    from benchmark.contract.suite import check as check_contract

    return 0 if check_contract(name) else FAILED


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
    from benchmark.pipeline.run import read_environment, write_page

    recorded = [Path(file) for folder in folders for file in (read_environment(folder) or {}).get("plugins", [])]
    _load_plugins([*(plugin or []), *(file for file in recorded if file.is_file())])
    out.mkdir(parents=True, exist_ok=True)
    typer.echo(str(write_page(folders, out, out / "leaderboard.csv", allow_mixed).resolve()))
    return 0


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="folder of a run or of a report")],
    format_: Annotated[str, typer.Option("--format", help="csv, latex, markdown or json")] = "markdown",
) -> int:
    """Print the main table in another format."""
    import pandas as pd

    from leaderboard.export import export as export_table

    file = folder / "leaderboard.csv"
    if not file.is_file():
        raise UserError(f"{str(folder)!r} holds no leaderboard.csv. Give the folder of a finished run or of a report.")
    typer.echo(export_table(pd.read_csv(file), format_))
    return 0


def _load_plugins(files: Sequence[Path] | None) -> None:
    from benchmark.core.plugins import load_file

    for file in dict.fromkeys(file.resolve() for file in files or []):
        load_file(file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 done, 1 failed cells, 2 a user's mistake, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    if not given or (given[0] not in commands and given[0] not in ("-h", "--help")):
        given = ["run", *given] if not given or given[0].startswith("-") else given
    try:
        return app(given, standalone_mode=False) or 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return MISTAKE
    except _USAGE_ERROR as error:
        error.show()
        return MISTAKE
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted; the same command continues.", file=sys.stderr)
        return INTERRUPTED


def entry_point() -> None:
    """The console script `prefshift`."""
    sys.exit(main())
