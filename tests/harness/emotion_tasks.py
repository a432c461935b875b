"""A folder of tasks made from texts in the form of the Emotion data: lines of `text;label`."""

from __future__ import annotations

import json
from pathlib import Path

from benchmark.suites.emotion.data import OBJECTIVES
from tests.suites.emotion_texts import write_texts

CHOICE, ANSWER, GROUP, BOARD = "emotion_choice", "emotion_answer", "emotion_choices", "emotion_board"


def write_tasks(folder: Path, texts: Path | None = None) -> Path:
    """A task that chooses among the labels, one that writes the label, a group of the former with its mean, and a group
    that holds both; of the texts in a folder, or of some that are made up."""
    texts = texts or write_texts(folder)
    data = {
        "dataset_path": "csv",
        "dataset_kwargs": {
            "data_files": {"train": str(texts / "train.txt"), "test": str(texts / "test.txt")},
            "delimiter": ";",
            "column_names": ["text", "label"],
            "quoting": 3,
        },
        "training_split": "train",
        "test_split": "test",
        "doc_to_text": "{{text}} :",
        "doc_to_target": "label",
        "metadata": {"version": 1},
    }
    write(folder, CHOICE, {
        **data, "task": CHOICE, "output_type": "multiple_choice", "doc_to_choice": list(OBJECTIVES),
        "metric_list": [metric("acc"), metric("brier_score", higher=False, aggregation="brier_score")],
    })  # fmt: skip
    write(folder, ANSWER, {
        **data, "task": ANSWER, "output_type": "generate_until",
        "generation_kwargs": {"until": [" again"], "do_sample": False, "max_gen_toks": 3},
        "metric_list": [{**metric("exact_match"), "ignore_case": True}],
    })  # fmt: skip
    mean = [{"metric": "acc", "aggregation": "mean", "weight_by_size": True}]
    write(folder, GROUP, {"group": GROUP, "task": [CHOICE], "aggregate_metric_list": mean, "metadata": {"version": 1}})
    write(folder, BOARD, {"group": BOARD, "task": [GROUP, ANSWER], "metadata": {"version": 1}})
    return folder


def metric(name: str, higher: bool = True, aggregation: str = "mean") -> dict[str, object]:
    """One entry of a metric_list."""
    return {"metric": name, "aggregation": aggregation, "higher_is_better": higher}


def write(folder: Path, name: str, task: dict[str, object]) -> None:
    """NAME.yaml; JSON is YAML too."""
    (folder / f"{name}.yaml").write_text(json.dumps(task, indent=1))
