"""The main table in other formats."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pandas as pd
import pytest

from benchmark.cli import MISTAKE, main
from benchmark.core.errors import UserError
from benchmark.report.flat import leaderboard_rows
from leaderboard.export import export
from tests.leaderboard.latex import ENGINES, check_structure, compile_table, engine
from tests.leaderboard.reports import arena, hostile, report


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
            "gated_nominal": [0.5, 0.25, math.nan],
            "gated_nominal_low": [0.4, math.nan, math.nan],
            "gated_nominal_high": [0.6, math.nan, math.nan],
            "gated_nominal_n": [3, 1, 0],
            "gated_over_envelope": [-0.02, 0.1, math.nan],
            "gated_over_envelope_low": [-0.03, 0.05, math.nan],
            "gated_over_envelope_high": [-0.01, 0.15, math.nan],
            "gated_auc": math.nan,
            "rank": [2, 1, math.nan],
            "gated_difference_to_dpo": [0.1, math.nan, math.nan],
            "gated_difference_to_dpo_low": [0.05, math.nan, math.nan],
            "gated_difference_to_dpo_high": [0.15, math.nan, math.nan],
        }
    )


LABELS = ("KLDPO τ=0.1, β=0.1", "WDPO ρ=0.3", "DPO β=0.6, left out", "Oracle, mid mixture", "χ²-DPO ρ=0.25")
NASTY = 'a\\b & 50% {x} _y_ #1 $m$ ~t^2 [z] <|> "q" – − \n\\end{tabular} 你'


def wide(labels: tuple[str, ...] = LABELS, shifts: int = 1) -> pd.DataFrame:
    """Rows of usual length with every default column, signs and intervals."""
    rows = [
        {
            "suite": "grammar",
            "train_shift": f"alpha_mixture(a=joy,b=sadness,alpha=0.{shift})",
            "label": label,
            "status": "done",
            **{
                f"{name}{part}": -0.123 - place / 100
                for name in ("gated_over_envelope", "gated_worst_case", "gated_nominal", "kl_to_reference")
                for part in ("", "_low", "_high")
            },
        }
        for shift in range(shifts)
        for place, label in enumerate(labels)
    ]
    return pd.DataFrame(rows)


def test_csv_loses_nothing_and_has_the_headline_before_other_metrics() -> None:
    read = pd.read_csv(io.StringIO(export(table(), "csv")))
    assert set(read.columns) == set(table().columns)
    assert list(read.columns)[:6] == ["suite", "train_shift", "label", "status", "rank", "gated_over_envelope"]
    assert read["gated_over_envelope"].tolist()[:2] == [0.1, -0.02] and math.isnan(read["gated_over_envelope"][2])


def test_rows_stand_by_the_headline_within_their_arena() -> None:
    first, second = table(), table().assign(train_shift="other")
    read = pd.read_csv(io.StringIO(export(pd.concat([first, second]), "csv")))
    assert read["key"].tolist() == ["dpo", "wdpo", "cvar"] * 2
    assert read["train_shift"].tolist() == [first["train_shift"][0]] * 3 + ["other"] * 3


def test_csv_may_be_rounded_to_significant_digits() -> None:
    wide_ = table().assign(gated_nominal=[0.123456, 1234.56, math.nan])
    read = pd.read_csv(io.StringIO(export(wide_, "csv", digits=4)))
    assert read["gated_nominal"].tolist()[:2] == [1235.0, 0.1235]


def test_json_has_null_for_missing() -> None:
    read = json.loads(export(table(), "json"))
    assert read[2]["gated_over_envelope"] is None and read[1]["gated_nominal"] == 0.5


def test_markdown_prints_intervals_and_reasons_and_escapes() -> None:
    head, rule, dpo, wdpo, cvar = export(table(), "markdown").splitlines()
    assert head == "| Method | Status | Over DPO envelope (utility) | Nominal, gated (utility) |"
    assert rule == "| --- | --- | ---: | ---: |"
    assert r"| WDPO\_1 & 50% \| x |" in wdpo
    assert wdpo.endswith("| −0.020 [−0.030, −0.010] | 0.500 [0.400, 0.600] |")
    assert dpo.endswith("| +0.100 [0.050, 0.150] | 0.250 |")  # n = 1: no interval
    assert cvar.endswith("| failed: loss is NaN | – | – |")
    assert len({line.replace(r"\|", "").count("|") for line in (head, rule, wdpo, dpo, cvar)}) == 1


def test_markdown_names_the_shift_where_there_are_several() -> None:
    assert "Training shift" not in export(wide(), "markdown")
    assert export(wide(shifts=2), "markdown").startswith("| Training shift | Method |")


def test_latex_is_booktabs_and_escaped() -> None:
    text = export(table(), "latex")
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")
    over, nominal = r"$-$0.020 {\scriptsize {[}$-$0.030, $-$0.010{]}}", r"0.500 {\scriptsize {[}0.400, 0.600{]}}"
    assert rf"WDPO\_1 \& 50\% $|$ x & {over} & {nominal} \\" in text
    assert r"\begin{tabular}{@{}lrr@{}}" in text and "\nCVaR & -- & -- " in text
    assert "% CVaR: failed: loss is NaN\n" in text and "% Nominal, gated (utility): " in text


def test_latex_sets_arenas_apart() -> None:
    text = export(wide(shifts=2), "latex")
    assert text.count(r"\multicolumn{4}{l}{\emph{grammar, alpha\_mixture(") == 2 and text.count(r"\addlinespace") == 1
    assert r"\multicolumn" not in export(wide(), "latex")


TABLES = {
    "odd": lambda: table(),
    "usual": lambda: wide(),
    "arenas": lambda: wide(shifts=3),
    "nasty": lambda: wide(labels=(NASTY, *LABELS)),
    "report": lambda: leaderboard_rows(report(arena())),
    "hostile": lambda: leaderboard_rows(hostile()).assign(label="x"),
}


@pytest.mark.parametrize("name", TABLES)
def test_latex_is_well_formed(name: str) -> None:
    made = TABLES[name]()
    check_structure(export(made, "latex"))
    every = [column for column in made.columns if not column.endswith(("_low", "_high", "_n"))]
    check_structure(export(made, "latex", columns=every))


def test_the_check_of_structure_finds_what_does_not_compile() -> None:
    sound = export(table(), "latex")
    for old, new in (
        (r"\_1", "_1"),
        (r" \& 50", " & 50"),
        ("{[}", "{["),
        (r"\end{tabular}%", ""),
        ("WDPO", r"\foo WDPO"),
    ):
        assert old in sound
        with pytest.raises(AssertionError):
            check_structure(sound.replace(old, new, 1))


@pytest.mark.skipif(engine() is None, reason=f"none of {', '.join(ENGINES)} is on the PATH")
@pytest.mark.parametrize("name", TABLES)
def test_latex_compiles(name: str, tmp_path: Path) -> None:
    log = compile_table(export(TABLES[name](), "latex"), tmp_path)
    if name in ("usual", "arenas", "report"):
        assert "Overfull" not in log  # the default fits the text of a paper


def test_chosen_columns_stand_in_their_order_behind_the_label() -> None:
    read = pd.read_csv(io.StringIO(export(table(), "csv", columns=["gated_nominal", "status"])))
    parts = [f"gated_nominal{part}" for part in ("", "_low", "_high", "_n")]
    assert list(read.columns) == ["label", *parts, "status"]
    head = export(table(), "markdown", columns=["status", "label", "rank", "status"]).splitlines()[0]
    assert head == "| Status | Method | Rank (place) |"
    assert r"\begin{tabular}{@{}lrl@{}}" in export(table(), "latex", columns=["gated_nominal", "key"])
    assert list(json.loads(export(table(), "json", columns=["key"]))[0]) == ["label", "key"]


@pytest.mark.parametrize("format", ["csv", "json", "latex", "markdown"])
def test_an_unknown_column_is_a_users_error(format: str) -> None:
    with pytest.raises(UserError, match="unknown column 'gated_nominl'"):
        export(table(), format, columns=["gated_nominl"])
    with pytest.raises(UserError, match="no column was named"):
        export(table(), format, columns=[])
    with pytest.raises(UserError, match="unknown column 'gated_nominal_low'"):  # it comes with its metric
        export(table(), format, columns=["gated_nominal_low"])


def test_the_command_prints_chosen_columns_and_refuses_unknown_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table().to_csv(tmp_path / "leaderboard.csv", index=False)
    command = ["export", str(tmp_path), "--format", "markdown", "--columns"]
    assert main([*command, "rank, gated_nominal"]) == 0
    assert capsys.readouterr().out.startswith("| Method | Rank (place) | Nominal, gated (utility) |\n")
    assert main([*command, "rnk"]) == MISTAKE
    assert "Did you mean 'rank'" in capsys.readouterr().err


def test_an_unknown_format_is_a_users_error() -> None:
    with pytest.raises(UserError, match="Did you mean 'markdown'"):
        export(table(), "markdwn")  # type: ignore[arg-type]


def test_the_table_holds_rank_and_comparison_as_the_page_shows_them() -> None:
    rows = leaderboard_rows(report(arena())).set_index("key")
    first, worse, control = (
        rows.loc[key] for key in ("group_dro(beta=0.1)", "kldpo(beta=0.1,tau=0.3)", "dpo(beta=0.6)")
    )
    assert first["rank"] == 1 and worse["rank"] == 5 and pd.isna(control["rank"])
    assert [first[f"gated_difference_to_dpo{part}"] for part in ("", "_low", "_high")] == [0.26, 0.21, 0.31]
    assert (first["gated_verdict_to_dpo"], worse["gated_verdict_to_dpo"]) == ("better", "worse")
    assert (first["verdict"], control["verdict"]) == ("clears", "cannot_tell")
    assert first["sentence"].startswith("Clears the DPO envelope by +0.141")
    assert first["gated_p_holm_to_dpo"] == pytest.approx(8 * 0.0004)
