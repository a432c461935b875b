"""A policy on the tasks that were asked for, by lm-eval's own models over a live transformers model or our engine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmark.core.errors import UserError
from benchmark.generation.base import Generator
from benchmark.harness.found import FoundTasks, find_tasks
from benchmark.harness.quiet import quiet, seeded
from benchmark.harness.settings import LmEvalSettings
from benchmark.policies.checkpoints import load_config, load_tokenizer
from benchmark.policies.sizes import context_length

BOOTSTRAP = 1000  # resamples behind the standard error of what is no mean

Scores = dict[str, list[Any]]


def evaluate(generator: Generator, policy: Path, settings: LmEvalSettings) -> Scores:
    """What the policy scores, as columns, a row per task (or group) and metric: `task`, `metric`, `value`, `stderr`
    (NaN where lm-eval knows none) and `n`, the questions behind it.

    Prompts that are too long for the policy lose their beginning, as everywhere in lm-eval.

    Args:
        generator: what generates in this process; its model or engine is used, and none beside it.
        policy: folder of a checkpoint.
        settings: with at least one task.

    Raises:
        UserError: as `find_tasks`, or a task wants longer answers than the policy has positions.
    """
    length = settings.window(context_length(load_config(policy)))
    check_answers(find_tasks(settings), length)  # here, where the message is not that of an engine that failed
    run = {"transformers": _on_model, "vllm": _on_engine}[generator.name]
    return generator.lend(policy, length, run, folder=policy, settings=settings, length=length)  # type: ignore[no-any-return]


def _on_model(model: Any, folder: Path, settings: LmEvalSettings, length: int) -> Scores:
    """With a transformers model in this process."""
    from benchmark.harness.models import LiveModel

    tokenizer = load_tokenizer(folder)
    with quiet():
        lm = LiveModel(pretrained=model, tokenizer=tokenizer, batch_size=settings.batch_size, max_length=length)
    return _scores(lm, tokenizer, settings)


def _on_engine(llm: Any, folder: Path, settings: LmEvalSettings, length: int) -> Scores:
    """With an engine, in its process."""
    from benchmark.harness.engine import LentEngine

    tokenizer = load_tokenizer(folder)
    return _scores(LentEngine(llm, tokenizer, length), tokenizer, settings)


def _scores(lm: Any, tokenizer: Any, settings: LmEvalSettings) -> Scores:
    from lm_eval import evaluate as lm_evaluate

    found = find_tasks(settings)
    chat, turns = settings.templated(tokenizer)
    with quiet(), seeded():
        for task in found.built["tasks"].values():
            _set_examples(task, settings.num_fewshot)
        results = lm_evaluate(
            lm,
            found.built,
            limit=settings.limit,
            bootstrap_iters=BOOTSTRAP,
            log_samples=False,
            apply_chat_template=chat,
            fewshot_as_multiturn=turns,
        )
    return as_columns(results, found)


def _set_examples(task: Any, number: int | None) -> None:
    """As lm-eval's `simple_evaluate`: a task that says 0 gets no examples whatever is set, one that says nothing none
    unless they are."""
    from lm_eval.defaults import DEFAULT_OTHER_SEED

    own = task.get_config("num_fewshot")
    if own is None or (number is not None and own != 0):
        task.set_config(key="num_fewshot", value=number or 0)
    task.set_fewshot_seed(seed=DEFAULT_OTHER_SEED)


def check_answers(found: FoundTasks, length: int) -> None:
    """Raise a UserError where a task lets the policy write as many tokens as prompt and answer may have together."""
    from lm_eval.models.utils import normalize_gen_kwargs

    for name, task in found.built["tasks"].items():
        if task.get_config("output_type") == "generate_until":
            wanted = normalize_gen_kwargs(task.get_config("generation_kwargs") or {})["max_gen_toks"]
            if wanted >= length:
                raise UserError(
                    f"lm-eval task {name}: answers may have {wanted} tokens, and policy and settings leave {length} "
                    "for prompt and answer. Set max_gen_toks in the task's generation_kwargs, or take another task."
                )


def as_columns(results: Mapping[str, Any], found: FoundTasks) -> Scores:
    """From lm-eval's results, in their order. A metric of a filter is METRIC,FILTER, as lm-eval writes it, but for the
    filter that does nothing; what is no number is left out."""
    rows = []
    for task, measured in results["results"].items():
        n = sum(results["n-samples"][name]["effective"] for name in _leaves(found, task))
        for key, value in measured.items():
            metric, comma, kind = key.partition(",")
            if comma and not metric.endswith("_stderr") and _is_number(value):
                stderr = measured.get(f"{metric}_stderr,{kind}")
                name = metric if kind == "none" else key
                rows.append((task, name, float(value), float(stderr) if _is_number(stderr) else math.nan, n))
    return {name: [row[at] for row in rows] for at, name in enumerate(("task", "metric", "value", "stderr", "n"))}


def _leaves(found: FoundTasks, name: str) -> Iterable[str]:
    """The single tasks of a group, or the task itself."""
    group = found.built.get("groups", {}).get(name)
    return [name] if group is None else [task.task_name for task in group.get_all_tasks()]


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False
