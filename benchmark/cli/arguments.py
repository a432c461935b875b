"""The options that `run` and `plan` share, and what they become: a configuration, and where and how to run it."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from benchmark.core.errors import UserError, unknown
from benchmark.core.folders import check_folder
from benchmark.core.hub import OFFLINE, use_mirror

if TYPE_CHECKING:  # they bring torch, which --help does not need
    from benchmark.pipeline.config import RunConfig
    from benchmark.pipeline.options import ExecutorName, RunOptions


@dataclass(frozen=True)
class MatrixArguments:
    """One field per option of the command line."""

    suite: Annotated[
        str, typer.Option(help="grammar (embedded: no network, no download) or another of `list suites`.")
    ] = "grammar"
    preset: Annotated[
        str, typer.Option(help="Size of the run: smoke, quick or full, as far as the suite has them.")
    ] = "quick"
    config: Annotated[Path | None, typer.Option(help="YAML file with any settings, laid over the preset.")] = None
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="One setting; dotted keys, e.g. training.learning_rate=1e-4 or suite.data_dir=DIR. Repeatable.",
        ),
    ] = None
    methods: Annotated[str | None, typer.Option(help="Methods as calls: 'dpo(beta=0.1),kldpo(tau=0.3)'.")] = None
    train_shifts: Annotated[
        str | None, typer.Option(help="Training shifts: 'alpha_mixture(a=anger,b=fear,alpha=0.1)'.")
    ] = None
    eval_shifts: Annotated[
        str | None,
        typer.Option(help="Evaluation shifts; alpha=0:1:0.1 is a grid. Default: the training shift's own grid."),
    ] = None
    seeds: Annotated[int | None, typer.Option(help="Number of seeds: 0, 1, ...")] = None
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the run. Default: runs/SUITE-PRESET. Running again with "
            "more methods, shifts or seeds extends it."
        ),
    ] = None
    store: Annotated[Path, typer.Option(help="Artefacts, shared by all runs.")] = Path(".cache/prefshift")
    backend: Annotated[
        str, typer.Option(help="auto, vllm or transformers. auto: vllm where it is installed and a GPU makes it pay.")
    ] = "auto"
    executor: Annotated[
        str, typer.Option(help="Where stages run: local, or ray (one machine or a cluster; needs the extra `ray`).")
    ] = "local"
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Stages at once at most, one thread each. Default: one per GPU, else one per core, at most 8; on Ray "
            "what the cluster has room for.",
        ),
    ] = None
    ray_address: Annotated[
        str | None,
        typer.Option(help="A running Ray cluster: HOST:PORT, or auto. Default: one is started on this machine."),
    ] = None
    stage_cpus: Annotated[float, typer.Option(min=0.01, help="Cores that a stage asks of a Ray node.")] = 1.0
    stage_gpus: Annotated[
        float | None,
        typer.Option(min=0.0, help="GPUs that a stage asks for; 0.25: four share one. Default: 1 where there are any."),
    ] = None
    stage_memory: Annotated[
        float | None, typer.Option(min=0.0, help="GB of memory that a stage asks of a Ray node. Default: not counted.")
    ] = None
    plugin: Annotated[
        list[Path] | None, typer.Option(help="Python file with a method, shift or suite. Repeatable.")
    ] = None
    offline: Annotated[bool, typer.Option("--offline", help="Never call the hub.")] = False


def with_arguments(shape: type[MatrixArguments]) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command, whose first parameter is an object of `shape`, one option per field of it."""
    hints = get_type_hints(shape, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    shared = [inspect.Parameter(f.name, keyword, default=f.default, annotation=hints[f.name]) for f in fields(shape)]

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        own = [p.replace(kind=keyword) for p in inspect.signature(command, eval_str=True).parameters.values()][1:]

        @functools.wraps(command)
        def called(**arguments: Any) -> int:
            given = shape(**{parameter.name: arguments.pop(parameter.name) for parameter in shared})
            return command(given, **arguments)

        called.__signature__ = inspect.Signature([*shared, *own])  # type: ignore[attr-defined]  # what typer reads
        return called

    return decorate


def settings_of(given: MatrixArguments, contributor: str = "") -> tuple[RunConfig, RunOptions]:
    """The configuration of a run, and where and how to run it.

    Raises:
        UserError: an option that cannot be meant; the message says which.
    """
    executor = _executor_of(given)
    out = given.out or Path("runs") / f"{given.suite}-{given.preset}"
    check_folder(out, "--out")
    if given.offline:
        go_offline()
    plugins = load_plugins(given.plugin)
    from benchmark.pipeline.execute.needs import Needs
    from benchmark.pipeline.kinds import kind_of
    from benchmark.pipeline.options import RunOptions

    kind = kind_of(given.suite)
    chosen = {key: getattr(given, key) for key in ("methods", "train_shifts", "eval_shifts", "seeds")}
    config = kind.read_config(given.suite, given.preset, given.config, given.set_ or [], chosen)
    use_mirror(config.hub.mirror)
    options = RunOptions(
        out=out,
        store=given.store,
        backend=kind.backend(given.backend),
        workers=given.workers,
        plugins=plugins,
        contributor=contributor,
        executor=executor,
        ray_address=given.ray_address,
        needs=Needs(given.stage_cpus, given.stage_gpus, given.stage_memory),
    )
    return config, options


def _executor_of(given: MatrixArguments) -> ExecutorName:
    """The executor by its name, with the package that it needs."""
    from benchmark.pipeline.options import EXECUTORS

    named = next((name for name in EXECUTORS if name == given.executor), None)
    if named is None:
        raise unknown("executor", given.executor, EXECUTORS)
    if named == "ray" and importlib.util.find_spec("ray") is None:
        raise UserError('--executor ray needs Ray, which is not installed: pip install "prefshift[ray]".')
    of_ray = [name for name in ("ray_address", "stage_gpus", "stage_memory") if getattr(given, name) is not None]
    if named == "local" and of_ray:
        options = " and ".join(f"--{name.replace('_', '-')}" for name in of_ray)
        raise UserError(f"{options} without --executor ray says nothing: the local executor asks no node.")
    return named


def load_plugins(files: Sequence[Path] | None) -> tuple[Path, ...]:
    """Import plug-in files, each once; returns where they are."""
    from benchmark.core.plugins import load_file

    resolved = tuple(dict.fromkeys(file.resolve() for file in files or []))
    for file in resolved:
        load_file(file)
    return resolved


def go_offline() -> None:
    """Never call the hub, in this process and in its workers."""
    os.environ[OFFLINE] = "1"
    os.environ["HF_DATASETS_OFFLINE"] = "1"
