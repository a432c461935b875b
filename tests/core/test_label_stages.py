"""Stages of shifts inside shifts: what pairs are made from, what they depend on, and where there are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.pipeline.kinds import read_config
from benchmark.pipeline.text.cells import make_builder
from methods.base import parse_method
from shifts.base import parse_shift

TENTH = "alpha_mixture(a=joy,b=sadness,alpha=0.1)"


def made_builder(suite, *settings):
    config = read_config(suite, "smoke", settings=settings, options={"seeds": 1})
    return make_builder(config.make_suite(), config, "transformers")


@pytest.fixture
def builder():
    return made_builder("grammar")


def cell(builder, method, shift):
    return builder.cell(parse_method(method), parse_shift(shift)[0], 0)


def pairs(builder, shift):
    return cell(builder, "dpo", shift).stages["pairs"]


def test_noise_shares_completions_and_scores_with_the_shift_inside(builder):
    inner, outer = pairs(builder, TENTH), pairs(builder, f"label_noise(of={TENTH},rate=0.1)")
    assert inner.key != outer.key
    assert {name: stage.key for name, stage in inner.inputs.items()} == {
        name: stage.key for name, stage in outer.inputs.items()
    }


@pytest.mark.parametrize("inside", ["alpha_mixture.py", "sharpness.py", "label_noise.py", "wrapped.py"])
def test_labels_depend_on_the_code_of_every_shift_inside(inside, builder, monkeypatch):
    read, shift = Path.read_text, f"label_noise(of=sharpness(of={TENTH},factor=0.5),rate=0.1)"
    before = pairs(builder, shift).identity["code"]

    def changed(file, *args, **kwargs):
        return read(file, *args, **kwargs) + ("\nOTHER = 1\n" if file.name == inside else "")

    monkeypatch.setattr(Path, "read_text", changed)
    assert pairs(make_builder(builder.suite, builder.config, "transformers"), shift).identity["code"] != before


def test_an_off_policy_side_is_sampled_hotter(builder):
    plain = pairs(builder, TENTH)
    mixed = pairs(builder, f"response_source(of={TENTH},chosen=off,rejected=on,heat=2)")
    assert mixed.inputs["completions"].key == plain.inputs["completions"].key
    usual, hotter = (mixed.inputs[name].identity["sampling"] for name in ("completions", "hotter_completions"))
    assert hotter == {**usual, "temperature": 2 * usual["temperature"]}
    same = pairs(builder, f"response_source(of={TENTH},chosen=off,rejected=off,heat=1)")
    assert set(same.inputs) == set(plain.inputs)


def test_where_answers_are_given_none_is_off_policy(tmp_path):
    file = tmp_path / "survey.jsonl"
    asked = {"options": ["Yes", "No"], "selections": {"a": [0.7, 0.3], "b": [0.2, 0.8]}}
    file.write_text("\n".join(json.dumps({"question": f"Plan {number}?", **asked}) for number in range(60)))
    answers = made_builder("opinions", f"suite.data_file={file}")
    groups = "annotator_groups(groups=a/b,fractions=0.9/0.1)"
    off = f"response_source(of={groups})"
    assert cell(answers, "dpo", off).skipped == "opinions has a finite set of answers: none is off-policy"
    assert not cell(answers, "reference", off).skipped and not cell(answers, "oracle", off).skipped
    assert not cell(answers, "dpo", f"length_bias(of=label_noise(of={groups}))").skipped
