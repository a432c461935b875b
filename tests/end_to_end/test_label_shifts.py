"""Shifts in how pairs come, through the whole program: noise, annotators who change in time, off-policy sides."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.end_to_end.conftest import SMALL

pytestmark = pytest.mark.slow
NOISE = "label_noise(of=alpha_mixture(a=joy,b=sadness,alpha=0.1),rate=0.3)"
DRIFT = "temporal_drift(past=joy,now=sadness)"
SOURCE = "response_source(of=alpha_mixture(a=joy,b=sadness,alpha=0.1),chosen=off,rejected=on,heat=2)"
METHODS = "reference,dpo,dpo_early_stop(fraction=0.5),ns_dpo(gamma=0.95),ns_dpo(gamma=1),oracle"


@pytest.fixture(scope="module")
def run(prefshift):
    """The folder of a run on all three training shifts."""
    shifts = ["--train-shifts", f"{NOISE},{DRIFT},{SOURCE}"]
    prefshift(*SMALL, *shifts, "--methods", METHODS, "--seeds", "1", "--out", "labels")
    return prefshift.home / "labels"


def rise_of_chosen(run, shift):
    """Mean change of log-probability of the chosen side of training pairs, nats, by method."""
    table = pd.read_parquet(run / "results.parquet")
    rows = table[(table["metric"] == "logp_chosen") & table["train_shift"].str.startswith(shift)]
    return rows.set_index(rows["method"] + rows["hparams"])["value"]


def test_cells_are_done_or_skipped_for_a_reason(run):
    cells = pd.read_parquet(run / "cells.parquet")
    noisy, drifting = (cells[cells["train_shift"].str.startswith(name)] for name in ("label_noise", "temporal_drift"))
    assert set(noisy[noisy["status"] == "skipped"]["reason"]) == {"the pairs of shift label_noise have no times"}
    assert set(drifting[drifting["status"] == "skipped"]["method"]) == {"oracle"}
    assert set(cells["status"]) == {"done", "skipped"}


def test_the_times_of_pairs_reach_the_method_that_reads_them(run):
    found = rise_of_chosen(run, "temporal_drift")
    (dpo,) = found[found.index.str.startswith("dpo{")]
    (recent,) = found[found.index.str.contains(r'ns_dpo.*"gamma": 0.95')]
    (timeless,) = found[found.index.str.contains(r'ns_dpo.*"gamma": 1')]
    assert timeless == pytest.approx(dpo, abs=1e-4)  # without a discount it is DPO
    assert abs(recent - dpo) > 1e-4


def test_pairs_keep_what_annotators_saw(run):
    pairs = pd.read_parquet(run / "pair_rewards.parquet").groupby("train_shift")
    for shift, rows in pairs:
        assert (rows["length_first"] > 0).all() and rows["time"].notna().all() == shift.startswith("temporal_drift")
    drifting = pairs.get_group(next(shift for shift in pairs.groups if shift.startswith("temporal_drift")))
    assert drifting["time"].between(0, 1).all() and drifting["time"].nunique() == len(drifting)


def test_off_policy_sides_cost_prompts_whose_labels_do_not_fit(run):
    cells = pd.read_parquet(run / "cells.parquet")
    dpo = cells[cells["method"] == "dpo"]
    counts = dict(zip(dpo["train_shift"].str.partition("(")[0], dpo["pairs"], strict=True))
    assert 64 < counts["response_source"] < counts["label_noise"] <= 128


def test_the_page_names_what_is_done_to_labels(run):
    page = (run / "site" / "index.html").read_text()
    assert "0.1 joy + 0.9 sadness, 0.3 of labels flipped" in page and "sadness, labels drifted from joy" in page
    assert "0.1 joy + 0.9 sadness, chosen off-policy, 2 times as hot" in page
