"""The tasks that were asked for, found and built before anything is trained: what is missing is said at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmark.core.errors import UserError
from benchmark.harness.identity import identity
from benchmark.harness.lacking import SETTING, build, manager_of
from benchmark.harness.quiet import quiet, seeded
from benchmark.harness.settings import LmEvalSettings


@dataclass(frozen=True)
class ShownTask:
    """A task or group that stands for what was asked for: the page shows it, by its first metric."""

    task: str
    metric: str
    higher_is_better: bool


@dataclass(frozen=True)
class FoundTasks:
    """built: tasks and groups, lm-eval's objects by name, as its `evaluate` takes them; shown: see `ShownTask`;
    identity: JSON that determines what they ask."""

    built: dict[str, Any]
    shown: tuple[ShownTask, ...]
    identity: dict[str, Any]

    def questions(self, limit: int | None) -> tuple[int, int]:
        """Of all tasks, the first `limit` of each: how many are answered by a choice, and how many in words."""
        counts = [0, 0]
        for task in self.built["tasks"].values():
            there = len(task.eval_docs)
            counts[task.get_config("output_type") == "generate_until"] += min(there, limit or there)
        return counts[0], counts[1]


@cache
def find_tasks(settings: LmEvalSettings) -> FoundTasks:
    """Build the tasks, which reads their data (from the hub, its cache, or files). Once in a process.

    Raises:
        UserError: a task that does not exist (with the nearest), a package or data that is missing, a task that is
            marked as unsafe or needs pictures.
    """
    with quiet(), seeded():
        manager = manager_of(settings)
        asked = (build(manager, name) for name in settings.tasks)
        items = [item for one in asked for item in (one if isinstance(one, list) else [one])]  # a tag is a list
        try:
            built = dict(manager.load(items))
        except ValueError as error:  # a task is asked for twice, alone and in a group
            raise UserError(f"{SETTING}: {error}.") from None
        for name, task in built["tasks"].items():
            _check_runs(name, task)
        shown = tuple(shown for item in items for shown in _shown(item))
        return FoundTasks(built, shown, identity(built, settings.include_path))


def _check_runs(name: str, task: Any) -> None:
    if getattr(task, "UNSAFE_CODE", False):
        raise UserError(f"{SETTING}: {name} runs code that a policy wrote, which this program does not do.")
    if getattr(task, "MULTIMODAL", False):
        raise UserError(f"{SETTING}: {name} asks about pictures or sound, and policies here read text alone.")
    if "instructions_registry" in getattr(task.get_config("process_results"), "__globals__", ()):
        _check_sentences(name)


def _check_sentences(name: str) -> None:
    """IFEval fetches what splits sentences when it is built; where that fails it would fail after the training."""
    import nltk

    try:
        nltk.data.find("tokenizers/punkt_tab")
    except LookupError:
        raise UserError(
            f"{SETTING}: {name} needs punkt_tab of nltk, which cannot be had here. With a network, "
            "`python -m nltk.downloader punkt_tab` fetches it once."
        ) from None


def _shown(item: Any) -> Iterator[ShownTask]:
    """A group stands for its tasks by its own aggregate, and its groups stand for one that holds groups."""
    from lm_eval.api.group import Group

    if not isinstance(item, Group):
        directions = item.higher_is_better()
        metric = next(iter(directions))
        yield ShownTask(item.task_name, metric, bool(directions[metric]))
    elif item.get_all_groups() or not item.has_aggregation:
        for child in item:
            yield from _shown(child)
    else:
        metric = item.aggregate_metric_list[0].metric
        yield ShownTask(item.name, metric, all(t.higher_is_better().get(metric, True) for t in item.get_all_tasks()))
