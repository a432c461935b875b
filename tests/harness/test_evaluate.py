"""Policies on local tasks, really run: with transformers, and with vLLM's engine that generates too."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.core.data import Prompts
from benchmark.core.errors import UserError
from benchmark.generation import Sampling, make_generator, vllm_available
from benchmark.generation.base import Generator
from benchmark.harness.evaluate import evaluate
from benchmark.harness.settings import LmEvalSettings
from tests.harness.emotion_tasks import ANSWER, BOARD, CHOICE, GROUP, metric, write, write_tasks

SAME = 1e-4  # of a Brier score, which is continuous in the log-probabilities: both backends compute in float32
Scores = pd.Series


@pytest.fixture(scope="module")
def transformers() -> Generator:
    return make_generator("transformers", device="cpu")


@pytest.fixture(scope="module")
def vllm() -> Iterator[Generator]:
    with make_generator("vllm") as generator:
        yield generator


def scores(generator: Generator, policy: Path, tasks: Path, *names: str, **settings: object) -> Scores:
    """Values by task and metric."""
    chosen = LmEvalSettings(tasks=names, include_path=str(tasks), **settings)  # type: ignore[arg-type]
    return table(generator, policy, chosen)["value"]


def table(generator: Generator, policy: Path, settings: LmEvalSettings) -> pd.DataFrame:
    return pd.DataFrame(evaluate(generator, policy, settings)).set_index(["task", "metric"])


def test_who_learnt_the_labels_chooses_and_writes_them(
    transformers: Generator, trained: Path, untrained: Path, tasks: Path
) -> None:
    learnt, not_learnt = (scores(transformers, policy, tasks, CHOICE, ANSWER) for policy in (trained, untrained))
    assert list(learnt.index) == [(CHOICE, "acc"), (CHOICE, "brier_score"), (ANSWER, "exact_match")]
    assert learnt[CHOICE, "acc"] > 0.9 and learnt[ANSWER, "exact_match"] > 0.9
    assert not_learnt[CHOICE, "acc"] < 0.6 and not_learnt[ANSWER, "exact_match"] < 0.6
    assert learnt[CHOICE, "brier_score"] < not_learnt[CHOICE, "brier_score"]


def test_tasks_of_the_real_texts_run(transformers: Generator, untrained: Path, tmp_path: Path) -> None:
    real = os.environ.get("PREFSHIFT_EMOTION_DIR")
    if not real:
        pytest.skip("PREFSHIFT_EMOTION_DIR does not name a folder with the Emotion texts")
    folder = write_tasks(tmp_path, Path(real))
    made = table(transformers, untrained, LmEvalSettings(tasks=(BOARD,), include_path=str(folder), limit=20))
    assert set(made["n"]) == {20} and made["value"].between(0, 1).all()


def test_numbers_come_with_their_standard_errors_and_questions(
    transformers: Generator, untrained: Path, tasks: Path
) -> None:
    """Of an accuracy a over n questions: sqrt(a (1 - a) / (n - 1)). A group has the questions of its tasks."""
    settings = LmEvalSettings(tasks=(BOARD,), include_path=str(tasks), limit=30)
    made = table(transformers, untrained, settings)
    accuracy = made.loc[(CHOICE, "acc"), "value"]
    assert made.loc[(CHOICE, "acc"), "stderr"] == pytest.approx(np.sqrt(accuracy * (1 - accuracy) / 29))
    assert made.loc[(GROUP, "acc")].to_dict() == pytest.approx(made.loc[(CHOICE, "acc")].to_dict())
    assert set(made["n"]) == {30} and BOARD not in made.index  # a group without an aggregate has no number


def test_the_processs_random_numbers_go_on_as_if_nothing_had_been_drawn(
    transformers: Generator, untrained: Path, tasks: Path
) -> None:
    def draws() -> tuple[float, float, float]:
        return random.random(), float(np.random.random()), float(torch.rand(()))

    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    alone = draws()
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    scores(transformers, untrained, tasks, CHOICE, num_fewshot=2, limit=10)
    assert draws() == alone


def test_examples_and_a_narrow_window_change_what_is_read(transformers: Generator, trained: Path, tasks: Path) -> None:
    """Where prompt and answer have three tokens, the word that tells the emotion is cut: lm-eval cuts at the start."""
    whole, few, cut = (
        scores(transformers, trained, tasks, CHOICE, **settings)
        for settings in ({}, {"num_fewshot": 2}, {"max_length": 3})
    )
    assert whole[CHOICE, "acc"] > 0.9 > cut[CHOICE, "acc"]
    assert whole[CHOICE, "brier_score"] != few[CHOICE, "brier_score"]


def test_answers_that_leave_no_room_for_a_prompt_are_refused(
    transformers: Generator, untrained: Path, tmp_path: Path
) -> None:
    folder = write_tasks(tmp_path)
    task = {"dataset_path": "csv", "dataset_kwargs": {"data_files": str(folder / "test.txt"), "delimiter": ";",
            "column_names": ["text", "label"]}, "test_split": "train", "output_type": "generate_until",
            "doc_to_text": "{{text}}", "doc_to_target": "label", "metric_list": [metric("exact_match")]}  # fmt: skip
    write(folder, "long", {**task, "task": "long"})  # lm-eval's own limit is 256 tokens
    with pytest.raises(UserError, match="long: answers may have 256 tokens, and policy and settings leave 64"):
        scores(transformers, untrained, folder, "long")


@pytest.mark.slow
@pytest.mark.skipif(not vllm_available(), reason="vLLM is not installed")
def test_both_backends_say_the_same_with_the_engine_that_generates(
    transformers: Generator, vllm: Generator, trained: Path, untrained: Path, tasks: Path
) -> None:
    """Through an exchange of weights, before and after a generation."""
    prompts = Prompts(["0"], ["i feel"], [[8, 9, 10]])
    vllm.generate(untrained, prompts, Sampling(4, temperature=0))
    engine = vllm._engine  # type: ignore[attr-defined]
    for policy in (trained, untrained, trained):
        ours, theirs = (scores(generator, policy, tasks, CHOICE, ANSWER) for generator in (vllm, transformers))
        assert ours[CHOICE, "brier_score"] == pytest.approx(theirs[CHOICE, "brier_score"], abs=SAME)
        assert ours[CHOICE, "acc"] == theirs[CHOICE, "acc"]
        if policy is trained:  # its answers are clear, those of the other hang on the last bits
            assert ours[ANSWER, "exact_match"] == theirs[ANSWER, "exact_match"] > 0.9
    assert vllm._engine is engine  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("settings", "template", "expected"),
    [
        ({}, None, (False, False)),
        ({}, "{{ messages }}", (True, True)),
        ({"fewshot_as_multiturn": False}, "{{ messages }}", (True, False)),
        ({"apply_chat_template": False}, "{{ messages }}", (False, False)),
    ],
)
def test_a_chat_template_is_applied_where_there_is_one(
    settings: dict[str, bool], template: str | None, expected: tuple[bool, bool], tokenizer: Callable[..., object]
) -> None:
    tokenizer.chat_template = template  # type: ignore[attr-defined]
    try:
        assert LmEvalSettings(**settings).templated(tokenizer) == expected
    finally:
        tokenizer.chat_template = None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("set_to", "positions", "window"),
    [(None, 64, 64), (None, 100_000, 4096), (None, None, 4096), (512, 256, 256), (32, 64, 32)],
)
def test_the_window_fits_the_policy(set_to: int | None, positions: int | None, window: int) -> None:
    assert LmEvalSettings(max_length=set_to).window(positions) == window
