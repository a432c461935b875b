"""The main table in other formats."""

from __future__ import annotations

import io
import json
import math

import pandas as pd
import pytest

from benchmark.errors import UserError
from leaderboard.export import export


def table() -> pd.DataFrame:
    """Two finished rows and a failed one, with the names that formats must escape."""
    return pd.DataFrame(
        {
            "key": ["wdpo", "dpo", "cvar"],
            "suite": "grammar",
            "train_shift": "alpha_mixture(a=joy,alpha=0.1)",
            "label": ["WDPO_1 & 50% | x", "DPO", "CVaR"],
            "status": ["done", "done", "failed"],
            "reason": ["", "", "loss\nis NaN"],
            "nominal": [0.5, 0.25, math.nan],
            "nominal_low": [0.4, math.nan, math.nan],
            "nominal_high": [0.6, math.nan, math.nan],
            "nominal_n": [3, 1, 0],
            "over_envelope": [-0.02, 0.1, math.nan],
            "over_envelope_low": [-0.03, 0.05, math.nan],
            "over_envelope_high": [-0.01, 0.15, math.nan],
            "auc": math.nan,
        }
    )


def test_csv_loses_nothing_and_has_the_headline_before_other_metrics() -> None:
    read = pd.read_csv(io.StringIO(export(table(), "csv")))
    assert set(read.columns) == set(table().columns)
    assert list(read.columns)[:6] == ["suite", "train_shift", "label", "status", "over_envelope", "over_envelope_low"]
    assert read["over_envelope"].tolist()[:2] == [-0.02, 0.1] and math.isnan(read["over_envelope"][2])


def test_json_has_null_for_missing() -> None:
    read = json.loads(export(table(), "json"))
    assert read[2]["over_envelope"] is None and read[0]["nominal"] == 0.5


def test_markdown_prints_intervals_and_reasons_and_escapes() -> None:
    head, rule, wdpo, dpo, cvar = export(table(), "markdown").splitlines()
    assert head.endswith("| Over DPO envelope (utility) | Nominal (utility) |") and "AUC" not in head
    assert rule.count("---:") == 2
    assert r"| WDPO\_1 & 50% \| x |" in wdpo and wdpo.endswith("| −0.020 [−0.030, −0.010] | 0.500 [0.400, 0.600] |")
    assert dpo.endswith("| +0.100 [0.050, 0.150] | 0.250 |")  # n = 1: no interval
    assert cvar.endswith("| failed: loss is NaN | – | – |")
    assert len({line.replace(r"\|", "").count("|") for line in (head, rule, wdpo, dpo, cvar)}) == 1


def test_latex_is_booktabs_and_escaped() -> None:
    text = export(table(), "latex")
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")
    assert r"WDPO\_1 \& 50\% | x & done & $-$0.020 {[}$-$0.030, $-$0.010{]} & 0.500 {[}0.400, 0.600{]} \\" in text
    assert r"\begin{tabular}{llllrr}" in text and "failed: loss is NaN & -- & -- " in text


def test_an_unknown_format_is_a_users_error() -> None:
    with pytest.raises(UserError, match="Did you mean 'markdown'"):
        export(table(), "markdwn")  # type: ignore[arg-type]
