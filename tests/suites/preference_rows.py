"""Small rows in the true columns of published preference sets, and files of them."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Rows = Iterable[Mapping[str, Any]]


def message(turn: int, role: str, content: str, chosen: bool | None = None, score: int | None = None) -> dict[str, Any]:
    """A message of prism's conversation_history."""
    rest = {"within_turn_id": 0, "model_name": None if role == "user" else "m"}
    return {"turn": turn, "role": role, "content": content, "if_chosen": chosen, "score": score, **rest}


def annotation(**preferences: str) -> dict[str, Any]:
    """One person's annotation in multipref."""
    return {"evaluator": "e", **{f"{aspect}_pref": value for aspect, value in preferences.items()}}


def rated(model: str, response: str, **ratings: str) -> dict[str, Any]:
    """A completion of UltraFeedback."""
    annotations = {aspect: {"Rating": rating, "Rationale": "because"} for aspect, rating in ratings.items()}
    return {"model": model, "response": response, "annotations": annotations, "overall_score": 7.0}


HH = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: A poem?\n\nAssistant:"
A, B = "A-is-slightly-better", "B-is-clearly-better"
WHO = {"annotator_id": "p", "annotator_country": "India", "wave": 1}

ROWS: dict[str, list[dict[str, Any]]] = {
    "plain": [{"prompt": "Q", "chosen": "yes", "rejected": "no", "group": "g"}],
    "prism": [
        {
            "conversation_id": "c1",
            "user_id": "u1",
            "conversation_history": [
                message(0, "user", "Q"),
                message(0, "model", "good", True, 90),
                message(0, "model", "bad", False, 30),
                message(0, "model", "EMPTY STRING", False, 1),
                message(1, "user", "And?"),
                message(1, "model", "fine", False, 20),
                message(1, "model", "best", True, 25),
            ],
        }
    ],
    "community_alignment": [
        {
            **WHO,
            "first_turn_prompt": "Q",
            **{f"first_turn_response_{letter}": f"one {letter}" for letter in "abcd"},
            "first_turn_preferred_response": "response_b",
            "second_turn_prompt": "And?",
            **{f"second_turn_response_{letter}": f"two {letter}" for letter in "abcd"},
            "second_turn_preferred_response": "d",
            "third_turn_prompt": None,
        }
    ],
    "helpsteer2": [
        {
            "split": "train",
            "prompt": "Q",
            "response_1": "one",
            "response_2": "two",
            "preference_strength": strength,
            "all_preferences_unprocessed": [{"strength": value} for value in values],
        }
        for strength, values in ((-2, [-2, -1]), (1, [2, -1]), (0, [1, -1]))
    ],
    "helpsteer3": [
        {
            "domain": domain,
            "language": "english",
            "context": [
                {"role": "user", "content": "Q"},
                {"role": "assistant", "content": "R"},
                {"role": "user", "content": "And?"},
            ],
            "response1": "one",
            "response2": "two",
            "overall_preference": preference,
            "individual_preference": [],
        }
        for domain, preference in (("code", -3), ("stem", 2))
    ],
    "pku_saferlhf": [
        {
            "prompt": "Q",
            "response_0": "zero",
            "response_1": "one",
            "is_response_0_safe": False,
            "is_response_1_safe": True,
            "better_response_id": 0,
            "safer_response_id": 1,
        }
    ],
    "hh_rlhf": [
        {"chosen": f"{HH} Roses.", "rejected": f"{HH} No."},
        {"chosen": "\n\nHuman: Hi\n\nAssistant: Hello", "rejected": "\n\nHuman: Bye\n\nAssistant: Hello"},
    ],
    "shp": [
        {
            "domain": "askbaking_train",
            "history": "Q",
            "human_ref_A": "a",
            "human_ref_B": "b",
            "labels": label,
            "score_ratio": 2.5,
            "created_at_utc_A": time,
            "created_at_utc_B": 9,
        }
        for label, time in ((1, 10), (0, 30))
    ],
    "ultrafeedback": [
        {
            "instruction": "Q",
            "completions": [
                rated("m1", "one", helpfulness="5", honesty="N/A"),
                rated("m2", "two", helpfulness="3", honesty="4"),
                rated("m3", "three", helpfulness="3", honesty="5"),
            ],
        }
    ],
    "multipref": [
        {
            "text": "Q",
            "completion_a": "a",
            "completion_b": "b",
            "normal_worker_annotations": [annotation(overall=A, helpful=B), annotation(overall="Tie", helpful=A)],
            "expert_worker_annotations": [annotation(overall=B, helpful=B)],
        }
    ],
}


def write(path: Path, rows: Rows) -> Path:
    """A file of the rows, of the kind that its suffix says."""
    rows = [dict(row) for row in rows]
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        data = "\n".join(map(json.dumps, rows)).encode()
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def opposed(count: int = 240) -> list[dict[str, Any]]:
    """Short answers are chosen by most of the group `Brief (a)`, long ones by `Lengthy`, a third of the pairs; of every
    prompt one pair. Every tenth label is turned round."""
    rows = []
    for number in range(count):
        things = ("tea", "bread", "maps", "clocks", "songs", "rivers", "trains", "letters")
        thing, other = things[number % 8], things[(number // 8) % 8]
        prompt = f"What goes with {thing} and {other}, number {number}?"
        short, long = f"Some {thing}.", f"There is much to say about {thing}, and it is worth to take time for {other}."
        group = "Lengthy" if number % 3 == 0 else "Brief (a)"
        sides = (short, long) if (group == "Brief (a)") != (number % 10 == 0) else (long, short)
        rows.append({"prompt": prompt, "chosen": sides[0], "rejected": sides[1], "group": group})
    return rows
