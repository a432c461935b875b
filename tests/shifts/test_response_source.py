"""Pairs whose sides come from different samples: what is kept, and that nothing changes where nothing differs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.core.data import Completions, Pairs, Prompts, read_table, write_table
from benchmark.core.graph import Task
from benchmark.measure.runs.names import shift_label
from benchmark.pipeline.text.stages.pairs import label_pairs
from shifts.alpha_mixture import AlphaMixture
from shifts.annotator_groups import AnnotatorGroups
from shifts.base import ON_POLICY
from shifts.label_noise import LabelNoise
from shifts.labels import Labelling
from shifts.response_source import ResponseSource

PROMPTS = 2000
HOT = 5  # the first token of every off-policy completion
GROUPS = str(AnnotatorGroups("joy/fear", "0.3/0.7"))
SIDES = [("on", "on"), ("on", "off"), ("off", "on"), ("off", "off")]


def sample(folder: Path, first_token: int, seed: int) -> dict[str, Path]:
    """Two different completions of one to four tokens per prompt, with random rewards."""
    folder.mkdir()
    rng, count = np.random.default_rng(seed), 2 * PROMPTS
    numbers = [str(number) for number in range(PROMPTS)]
    Prompts(numbers, numbers, [[row] for row in range(PROMPTS)]).save(folder / "prompts.parquet")
    tokens = [[first_token, 10 + row % 2, *[9] * int(rng.integers(3))] for row in range(count)]
    rows, samples = np.repeat(np.arange(PROMPTS), 2), np.tile([0, 1], PROMPTS)
    Completions(rows, samples, tokens, np.ones(count, bool), ["text"] * count).save(folder / "completions.parquet")
    write_table(folder / "scores.parquet", {f"learned_{name}": rng.random(count) for name in ("joy", "fear")})
    return {"completions": folder, "scores": folder}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> dict[str, Path]:
    """An on-policy sample, and one that is told apart by its first token."""
    folder = tmp_path_factory.mktemp("samples")
    hotter = {f"hotter_{name}": path for name, path in sample(folder / "off", HOT, 1).items()}
    return sample(folder / "on", 1, 0) | hotter


def labelled(inputs, folder, shift, kind="bradley_terry"):
    folder.mkdir()
    label_pairs(Task(inputs, folder), shift, Labelling(kind, 5.0), 3)
    return Pairs.load(folder / "pairs.parquet"), read_table(folder / "pair_rewards.parquet")


@pytest.mark.parametrize(("chosen", "rejected"), SIDES)
@pytest.mark.parametrize("inner", [str(AlphaMixture("joy", "fear", 0.2)), GROUPS], ids=["mixture", "groups"])
def test_each_side_comes_from_its_own_sample(chosen, rejected, inner, inputs, tmp_path):
    pairs, rewards = labelled(inputs, tmp_path / "pairs", ResponseSource(inner, chosen, rejected, 2.0))
    assert {row[0] == HOT for row in pairs.chosen} == {chosen == "off"}
    assert {row[0] == HOT for row in pairs.rejected} == {rejected == "off"}
    share = len(pairs) / PROMPTS
    assert share == 1 if chosen == rejected else 0.6 < share < 1  # of two tries one mostly fits
    assert 0.3 < rewards["first_chosen"].mean() < 0.7  # the first place betrays nothing
    assert [len(row) for row in pairs.chosen] == np.where(
        rewards["first_chosen"], rewards["length_first"], rewards["length_second"]
    ).tolist()


def test_the_side_that_is_wanted_is_what_annotators_chose(inputs, tmp_path):
    pairs, _ = labelled(inputs, tmp_path / "pairs", ResponseSource(GROUPS, "off", "on", 2.0), "argmax")
    assert (pairs.margins > 0).all()
    noisy, _ = labelled(inputs, tmp_path / "noisy", LabelNoise(str(ResponseSource(GROUPS, "off", "on", 2.0)), 0.3))
    assert 0.1 < (noisy.margins < 0).mean() < 0.6 and {row[0] for row in noisy.chosen} == {HOT}


@pytest.mark.parametrize(("chosen", "rejected"), SIDES)
def test_where_the_samples_are_one_pairs_are_those_of_the_inner_shift(chosen, rejected, inputs, tmp_path):
    """No prompt is lost, either: of the two candidates, which are one pair, just one fits."""
    on = {name: path for name, path in inputs.items() if not name.startswith("hotter_")}
    twice = on | {f"hotter_{name}": path for name, path in on.items()}
    shift = ResponseSource(GROUPS, chosen, rejected, 1.0)
    assert shift.heats == ON_POLICY
    plain, table = labelled(on, tmp_path / "plain", shift.plain())
    for heat, given in ((1.0, on), (2.0, twice)):
        same, its_table = labelled(given, tmp_path / f"heat {heat}", ResponseSource(GROUPS, chosen, rejected, heat))
        assert (same.prompts, same.chosen, same.rejected) == (plain.prompts, plain.chosen, plain.rejected)
        assert (same.margins == plain.margins).all() and (same.groups == plain.groups).all()
        assert all((its_table[name] == column).all() for name, column in table.items())


def test_its_name_says_which_side():
    mixture = str(AlphaMixture("joy", "fear", 0.1))
    assert shift_label(ResponseSource(mixture)) == "0.1 joy + 0.9 fear, rejected off-policy, 1.5 times as hot"
    both = ResponseSource(mixture, "off", "off", 2.0)
    assert shift_label(both) == "0.1 joy + 0.9 fear, chosen and rejected off-policy, 2 times as hot"
    assert shift_label(ResponseSource(mixture, "on", "on")) == "0.1 joy + 0.9 fear, on-policy pairs"
