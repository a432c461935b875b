"""The numbers of one cell, worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.measure.records.across import anchor, cross_cell_records
from benchmark.measure.records.metrics import MetricRecord, cell_records, win_rate
from benchmark.measure.records.probes import gradient_ratios, preference_accuracy
from benchmark.measure.records.texts import DISTINCT_COMPLETIONS, distinct_2, longest_repeat
from benchmark.measure.records.utilities import gate, utility
from benchmark.measure.table.estimates import pairwise_wins
from shifts.base import Shift, parse_shift

RANGES = {"joy": (-1.0, 1.0), "sadness": (0.0, 1.0)}


def shift(alpha: float) -> Shift:
    return parse_shift(f"alpha_mixture(a=joy,b=sadness,alpha={alpha})")[0]


def test_gate_gives_failing_completions_the_least_utility() -> None:
    np.testing.assert_array_equal(gate(np.array([0.7, 0.7]), np.array([True, False]), -1.0), [0.7, -1.0])


def test_utility_by_kind_by_hand() -> None:
    rewards = {
        "joy": np.array([1.0, 1.0]),
        "sadness": np.array([0.0, 0.0]),
        "gold_joy": np.array([0.5, 0.5]),
        "gold_sadness": np.array([0.2, 0.2]),
    }
    quality = np.array([True, False])
    by_kind = {
        kind: utility(shift(0.25), rewards, quality, RANGES, kind).tolist()  # type: ignore[arg-type]
        for kind in ("ungated", "gated", "gold", "gated_gold")
    }
    least = 0.25 * -1 + 0.75 * 0
    assert by_kind == {
        "ungated": [0.25, 0.25],
        "gated": [0.25, least],
        "gold": pytest.approx([0.275, 0.275]),
        "gated_gold": pytest.approx([0.275, least]),
    }


def test_win_rate_counts_ties_half() -> None:
    assert win_rate(np.array([1.0, 2.0]), np.array([1.0, 0.0])) == (0.5 + 1 + 1 + 1) / 4
    assert win_rate(np.array([0.3]), np.array([0.3])) == 0.5


def test_wins_prompt_by_prompt_are_the_same_numbers() -> None:
    rng = np.random.default_rng(0)
    mine, theirs = rng.integers(0, 3, (2, 4, 3)), rng.integers(0, 3, (2, 4, 2))
    expected = [[win_rate(mine[s, p], theirs[s, p]) for p in range(4)] for s in range(2)]
    np.testing.assert_allclose(pairwise_wins(mine, theirs), expected)


def test_distinct_2_by_hand_at_a_fixed_number_of_completions() -> None:
    assert distinct_2(["a b a b"], 1) == 2 / 3  # (a b) (b a) (a b)
    assert distinct_2(["a b", "a b", "c d e"], 2) == 1 / 2  # the third is not looked at
    assert np.isnan(distinct_2(["a b"], 2))
    assert np.isnan(distinct_2(["a"], 1))


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("a", 0), ("a b c", 0), ("a b a", 1), ("a a a a", 3), ("a b c d a b c e", 3), ("a b  b a\nb b", 3)],
)
def test_longest_repeat_by_hand(text: str, words: int) -> None:
    assert longest_repeat(text) == words


def test_longest_repeat_is_what_trying_every_run_finds() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        words = [str(word) for word in rng.integers(0, 4, rng.integers(1, 14))]
        runs = [words[i:j] for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
        found = max((len(run) for place, run in enumerate(runs) if run in runs[:place]), default=0)
        assert longest_repeat(" ".join(words)) == found


def test_gradient_ratios_by_hand() -> None:
    # Under the reference pi(chosen) is e^-3 and e^-1, pi(rejected) e^-5 and e^-1. At step 4 the chosen side of the
    # first pair fell by 1 nat and the rejected one by 3; of the second they rose by 2 and 1. The third is not followed.
    before = pd.DataFrame({"chosen": [-3.0, -1.0, 9.0], "rejected": [-5.0, -1.0, 9.0]})
    probes = pd.DataFrame(
        [("rejected", 4, 0, -3.0), ("chosen", 4, 1, 2.0), ("chosen", 4, 0, -1.0), ("rejected", 4, 1, 1.0),
         ("unseen", 4, 0, 7.0)], columns=["kind", "step", "row", "change"],
    )  # fmt: skip
    ratios = gradient_ratios(probes, before)
    assert list(ratios) == [0, 4]
    np.testing.assert_allclose(ratios[0], np.log10(np.exp([2.0, 0.0])))
    np.testing.assert_allclose(ratios[4], np.log10(np.exp([4.0, 1.0])))
    assert gradient_ratios(probes[probes["kind"] == "unseen"], before) == {}


def test_preference_accuracy_by_hand() -> None:
    first, second = np.array([1.0, 0.0, 2.0, 5.0]), np.array([0.0, 1.0, 2.0, 0.0])
    better, worse = np.array([1.0, 1.0, 1.0, 1.0]), np.array([0.0, 0.0, 0.0, 1.0])  # the last pair is a tie
    assert preference_accuracy(first, second, better, worse) == pytest.approx((1 + 0 + 0.5) / 3)
    assert preference_accuracy(first, second, worse, better) == pytest.approx((0 + 1 + 0.5) / 3)
    assert np.isnan(preference_accuracy(first, second, better, better))


def completions(joy: list[float], sadness: list[float], quality: list[bool], step: int) -> pd.DataFrame:
    count = len(joy)
    return pd.DataFrame(
        {
            "split": "test",
            "step": step,
            "prompt_id": [f"p{i}" for i in range(count)],
            "sample": 0,
            "completion": ["glad now"] * count,
            "quality": quality,
            "kl": [1.0, 3.0][:count],
            "length": 2,
            "ended": True,
            "entropy": [3.0, 1.0][:count],
            "joy": joy,
            "sadness": sadness,
            "gold_joy": joy,
            "gold_sadness": sadness,
        }
    )


def records_of(samples: pd.DataFrame, reference: pd.DataFrame) -> dict[tuple[str, str], MetricRecord]:
    grid = [shift(0.0), shift(1.0)]
    return {
        (record.metric, record.eval_shift): record
        for record in cell_records(samples, shift(0.0), grid, RANGES, reference)
    }


def test_records_of_a_cell_by_hand() -> None:
    early = completions([0.0, 0.0], [0.0, 0.0], [True, True], step=1)
    late = completions([0.2, 0.4], [0.8, 0.6], [True, False], step=2)
    reference = completions([0.2, 0.0], [0.8, 0.0], [True, True], step=0)
    records = records_of(pd.concat([early, late]), reference)
    joy, sadness = str(shift(1.0)), str(shift(0.0))
    value = {name: record.value for name, record in records.items()}
    assert value["reward", sadness] == pytest.approx(0.7)
    assert value["gated_reward", joy] == pytest.approx((0.2 - 1) / 2)
    assert value["gated_worst_case", ""] == pytest.approx(-0.4)
    assert value["worst_case", ""] == pytest.approx(0.3)
    assert value["nominal", sadness] == pytest.approx(0.7)
    assert value["robustness_gap", ""] == pytest.approx(0.4)
    assert value["auc", ""] == pytest.approx(0.5)
    assert value["gated_gold_nominal", sadness] == pytest.approx(0.4)
    assert (value["reward@1", sadness], value["reward@2", sadness]) == pytest.approx((0.0, 0.7))
    assert (value["kl_to_reference", ""], value["kl_median", ""]) == (2.0, 1.0)  # of 1 and 3: the lower median
    assert value["quality", ""] == 0.5
    assert value["win_rate", joy] == pytest.approx((0.5 + 1) / 2)
    assert value["gated_win_rate", joy] == pytest.approx((0.5 + 0) / 2)
    assert np.isnan(value["distinct_2", ""])  # two completions are fewer than the fixed number
    assert records["reward", joy].n == 2 and DISTINCT_COMPLETIONS > 2


def test_without_a_reference_there_is_no_win_rate_and_without_test_rows_nothing() -> None:
    late = completions([0.2, 0.4], [0.8, 0.6], [True, False], step=2)
    assert not [metric for metric, _ in records_of(late, late.iloc[:0]) if "win_rate" in metric]
    assert records_of(late.assign(split="validation"), late) == {}


def test_every_checkpoint_says_what_it_is_judged_by_on_both_splits() -> None:
    """The gate gives the least utility: of joy -1, of sadness 0. The training shift is not among those evaluated."""
    early = completions([0.0, 0.0], [0.0, 0.2], [True, True], step=1)
    late = completions([0.2, 0.4], [0.8, 0.6], [True, False], step=2)
    held_back = completions([0.5, 0.1], [0.3, 0.1], [False, True], step=2).assign(split="validation", kl=5.0)
    samples = pd.concat([early, late, held_back, early.assign(split="validation")])
    value = {
        (record.metric, record.eval_shift): record.value
        for record in cell_records(samples, shift(0.5), [shift(0.0), shift(1.0)], RANGES, late.iloc[:0])
    }
    joy, sadness, middle = (str(shift(alpha)) for alpha in (1.0, 0.0, 0.5))
    assert value["nominal@2", middle] == value["nominal", middle] == pytest.approx(0.5)
    assert value["gated_nominal@2", middle] == pytest.approx((0.5 - 0.5) / 2)
    assert value["gold_nominal@1", middle] == pytest.approx(0.05)
    assert value["reward@2/validation", joy] == pytest.approx(0.3)
    assert value["gated_reward@2/validation", joy] == pytest.approx((-1 + 0.1) / 2)
    assert value["gated_reward@2/validation", sadness] == pytest.approx((0 + 0.1) / 2)
    assert value["gated_nominal@2/validation", middle] == pytest.approx((-0.5 + 0.1) / 2)
    assert value["gated_reward@2/validation", str(shift(0.25))] == pytest.approx((-0.25 + 0.1) / 2)
    assert ("gated_reward@2", str(shift(0.25))) not in value  # a validation shift is not evaluated
    assert value["kl_to_reference@2/validation", ""] == 5.0 and value["kl_to_reference@1/validation", ""] == 2.0
    assert not [metric for metric, _ in value if metric.endswith("/validation") and "@" not in metric]


def test_text_numbers_of_every_checkpoint_and_of_the_last_one_by_hand() -> None:
    early = completions([0.0, 0.0], [0.0, 0.0], [True, True], step=1)
    late = early.assign(step=2, length=[1, 3], ended=[True, False], completion=["so", "so so so"], entropy=[1.0, 4.0])
    value = {name: record.value for (name, _), record in records_of(pd.concat([early, late]), early.iloc[:0]).items()}
    assert (value["entropy@1"], value["entropy@2"], value["entropy"]) == (4 / 4, 5 / 4, 5 / 4)  # nats per token
    assert (value["longest_repeat@1"], value["longest_repeat@2"]) == (0, 1)
    assert (value["length@1"], value["length"], value["eos_rate@1"], value["eos_rate"]) == (2, 2, 1, 0.5)
    unknown = records_of(late.assign(entropy=np.nan), early.iloc[:0])["entropy", ""].value
    assert np.isnan(unknown)  # of a policy whose probabilities are not known
    assert ("entropy", "") not in records_of(late.drop(columns="entropy"), early.iloc[:0])


def result(method: str, beta: float, train: str, evaluated: str, metric: str, value: float) -> dict[str, object]:
    return {
        "suite": "s",
        "method": method,
        "hparams": f'{{"beta": {beta}}}',
        "train_shift": train,
        "seed": 0,
        "eval_shift": evaluated,
        "metric": metric,
        "value": value,
        "n": 5,
        "cell_id": f"{method}{beta}{train}",
    }


def test_price_and_regret_by_hand() -> None:
    rows = cross_cell_records(
        pd.DataFrame(
            [
                result("dpo", 0.1, "A", "A", "nominal", 0.8),
                result("dpo", 1.0, "A", "A", "nominal", 0.6),
                result("kldpo", 1.0, "A", "A", "nominal", 0.55),
                result("kldpo", 7.0, "A", "A", "nominal", 0.55),
                result("dpo", 0.1, "A", "A", "gated_nominal", 0.7),
                result("kldpo", 7.0, "A", "A", "gated_nominal", 0.5),
                result("dpo", 0.1, "B", "B", "reward", 0.9),
                result("kldpo", 7.0, "A", "B", "reward", 0.3),
            ]
        )
    )
    value = rows.set_index(["metric", "cell_id"])["value"]
    assert value["price", "kldpo1.0A"] == pytest.approx(0.05)  # DPO of the same beta
    assert value["price", "kldpo7.0A"] == pytest.approx(0.25)  # no DPO of that beta: the default one
    assert value["regret_B", "kldpo7.0A"] == pytest.approx(0.6)
    assert value["gated_price", "kldpo7.0A"] == pytest.approx(0.2)
    assert len(rows) == 4


def test_anchor_prefers_the_same_beta_then_the_default() -> None:
    sweep = ['{"beta": 0.3}', '{"beta": 0.1}']
    assert anchor('{"beta": 0.3, "tau": 1}', sweep) == sweep[0]
    assert anchor('{"beta": 9}', sweep) == sweep[1]
    assert anchor("{}", ['{"beta": 0.3}']) == '{"beta": 0.3}'
    assert anchor("{}", []) is None
