"""The stages of baselines that are made from others, from rewards, or from candidates; what they share with cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.data import Completions, Prompts
from benchmark.core.graph import Task
from benchmark.core.plugins import fingerprint
from benchmark.pipeline.kinds import build_matrix, read_config
from benchmark.pipeline.text.cells import make_builder
from benchmark.pipeline.text.stages.outcomes import keep_best
from benchmark.pipeline.text.stages.training import _world
from benchmark.suites.generated import Scores
from methods.base import parse_method
from shifts import Shift
from shifts.alpha_mixture import AlphaMixture
from shifts.base import parse_shift
from shifts.labels import Labelling
from shifts.reward_blend import RewardBlend

TENTH = "alpha_mixture(a=joy,b=sadness,alpha=0.1)"
HALF = "alpha_mixture(a=joy,b=sadness,alpha=0.5)"


@pytest.fixture
def builder():
    config = read_config("grammar", "smoke", options={"seeds": 1})
    return make_builder(config.make_suite(), config, "transformers")


def cell(builder, method, shift=TENTH):
    return builder.cell(parse_method(method), parse_shift(shift)[0], 0)


def test_the_parts_of_a_soup_are_the_cells_of_dpo_on_its_corners(builder):
    soup = cell(builder, "rewarded_soups(beta=0.3)").stages["trained_policy"]
    corners = [cell(builder, "dpo(beta=0.3)", TENTH.replace("0.1", alpha)) for alpha in ("1", "0")]
    parts = [soup.inputs[name] for name in sorted(soup.inputs) if name.startswith("part-")]
    assert [part.key for part in parts] == [corner.stages["trained_policy"].key for corner in corners]
    other = cell(builder, "rewarded_soups(beta=0.3)", HALF).stages["trained_policy"]
    assert {name: other.inputs[name].key for name in other.inputs if name.startswith("part-")} == {
        name: soup.inputs[name].key for name in soup.inputs if name.startswith("part-")
    }


def test_only_what_reads_the_shift_depends_on_it(builder):
    """The oracle at the middle is one policy for all training shifts; what reads the shift is another for each."""
    shifts = [TENTH, "alpha_mixture(a=joy,b=sadness,alpha=0.2)"]
    keys = {
        method: {cell(builder, method, shift).stages["trained_policy"].key for shift in shifts}
        for method in ("oracle", "modpo", "rewarded_soups", "rloo", "dpo")
    }
    assert {method: len(found) for method, found in keys.items()} == {
        "oracle": 1, "modpo": 2, "rewarded_soups": 2, "rloo": 2, "dpo": 2
    }  # fmt: skip


def test_modpo_shares_the_pairs_of_its_corner(builder):
    modpo, dpo = cell(builder, "modpo"), cell(builder, "dpo", TENTH.replace("0.1", "0"))
    assert modpo.stages["pairs"].key == dpo.stages["pairs"].key


def test_what_is_read_from_a_shift_depends_on_the_code_of_blends(builder, monkeypatch):
    """Groups of annotators hold blends: what changes a blend makes their labels anew, and what reads their shift."""
    read = Path.read_text

    def changed(file, *args, **kwargs):
        return read(file, *args, **kwargs) + ("\nOTHER = 1\n" if file.name == "blends.py" else "")

    for shift in ("annotator_groups(groups=joy/sadness)", "reward_blend(weights=joy:0.5+sadness:0.5)"):
        for stage, name in (("pairs", "code"), ("trained_policy", "shift_code")):
            before = cell(builder, "rewarded_soups", shift).stages[stage].identity[name]
            with monkeypatch.context() as patch:
                patch.setattr(Path, "read_text", changed)
                other = make_builder(builder.suite, builder.config, "transformers")
                assert cell(other, "rewarded_soups", shift).stages[stage].identity[name] != before


def test_what_is_read_from_a_shift_depends_on_the_families_of_its_annotators(builder):
    @dataclass(frozen=True)
    class Two(AlphaMixture):
        """Half of the annotators are of another family."""

        name = "two_families_in_a_test"

        def annotators(self):
            return ((0.5, self), (0.5, RewardBlend(f"{self.a}:1")))

    del Shift.registry._classes["two_families_in_a_test"]
    assert fingerprint(RewardBlend) in builder.pairs(Two("joy", "sadness"), 0).identity["code"]


def test_only_online_methods_wait_for_the_reward_model_to_train(builder):
    assert "reward_model" in cell(builder, "rloo").stages["trained_policy"].inputs
    for method in ("dpo", "kto", "modpo", "rewarded_soups"):
        assert "reward_model" not in cell(builder, method).stages["trained_policy"].inputs


def test_how_online_training_is_scored_and_prompted_determines_it(builder):
    other = read_config("grammar", "smoke", settings=["suite.train_prompts=500"])
    changed = make_builder(other.make_suite(), other, "transformers")
    identities = [cell(b, "rloo").stages["trained_policy"].identity["prompts"] for b in (builder, changed)]
    assert identities[0] != identities[1]


def test_best_of_n_shares_its_candidates_between_shifts_and_not_between_numbers(builder):
    four, eight = (cell(builder, f"best_of_n(n={n})") for n in (4, 8))
    elsewhere = cell(builder, "best_of_n(n=4)", HALF)
    assert four.stages["candidates"].key == elsewhere.stages["candidates"].key != eight.stages["candidates"].key
    assert four.stages["generations"].key != elsewhere.stages["generations"].key
    assert "trained_policy" not in four.stages and "pairs" not in four.stages
    assert not {"heldout", "unseen"} & set(four.stages["scored_generations"].inputs)


def test_candidates_are_no_evaluation_completions(builder):
    """Drawn from a seed of their own, as many per prompt as n."""
    candidates = cell(builder, "best_of_n(n=4)").stages["candidates"].arguments["sampling"]
    evaluation = cell(builder, "reference").stages["generations"].arguments["sampling"]
    assert candidates.samples == 4 * evaluation.samples and candidates.seed != evaluation.seed


def test_the_reference_is_still_what_it_was(builder):
    stages = cell(builder, "reference").stages
    assert list(stages) == ["policy", "heldout", "heldout_scores", "unseen", "generations", "scored_generations"]


def test_a_baseline_that_does_not_fit_its_shift_is_skipped(builder):
    """A blend has no far end; the matrix says so and goes on."""
    config = read_config(
        "grammar",
        "smoke",
        options={"methods": "oracle(at=farthest),best_of_n", "train_shifts": "reward_blend(weights=joy:1+love:0)"},
    )
    cells = build_matrix(config, "transformers").cells
    assert [bool(cell.skipped) for cell in cells] == [True, False]


class Suite:
    """Rewards stand in the text: `joy sadness`."""

    objectives = ("joy", "sadness")

    def score(self, prompts, completions, reward_model, judge):
        learned = np.array([[float(word) for word in text.split()] for text in completions])
        return Scores(learned, learned, np.ones(len(learned), dtype=np.bool_))


def test_an_online_method_earns_the_training_utility_in_nats(tmp_path):
    """20 (0.1 joy + 0.9 sadness): 20 (0.1 * 3 + 0.9 * 1) = 24, and 20 * 0.9 * 2 = 36."""

    class World(Suite):
        max_new_tokens = 7

        def prompts(self, split, policy):
            return Prompts([split], ["prompt"], [[1]])

    (shift,) = parse_shift(TENTH)
    task = Task({"policy": tmp_path, "reward_model": tmp_path}, tmp_path)
    world = _world(task, World(), shift, Labelling("argmax", 20.0))
    assert world.reward(["prompt"] * 2, ["3 1", "0 2"]).tolist() == pytest.approx([24.0, 36.0])
    assert world.prompts.ids == ["train"] and world.max_new_tokens == 7


def test_the_completion_with_the_greatest_utility_at_the_training_shift_is_kept(tmp_path):
    """One prompt, two samples of four candidates each; utility 0.1 joy + 0.9 sadness."""
    folder, out = tmp_path / "candidates", tmp_path / "kept"
    folder.mkdir()
    out.mkdir()
    texts = ["9 0", "0 1", "0 2", "1 1", "5 5", "4 5", "0 6", "9 9"]  # .9 .9 1.8 1 and 5 4.9 5.4 9
    for split in ("validation", "test"):
        Prompts(["p"], ["prompt"], [[1]]).save(folder / f"prompts-{split}.parquet")
        Completions(
            np.zeros(8, dtype=np.int64), np.arange(8), [[row] for row in range(8)], np.ones(8, dtype=np.bool_), texts
        ).save(folder / f"{split}-000000.parquet")
    (shift,) = parse_shift(TENTH)
    keep_best(Task({"candidates": folder, "reward_model": folder}, out), Suite(), shift, 4)
    kept = {n: Completions.load(out / f"test-{n:06d}.parquet") for n in (1, 2, 4)}
    assert {n: completions.texts for n, completions in kept.items()} == {
        1: ["9 0", "5 5"], 2: ["9 0", "5 5"], 4: ["0 2", "9 9"]
    }  # fmt: skip
    assert kept[4].sample.tolist() == [0, 1] and kept[4].prompt.tolist() == [0, 0]
    assert len(Prompts.load(out / "prompts-test.parquet")) == 1
