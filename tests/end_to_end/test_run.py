"""The whole program on a small matrix: files, resume, extension, failures, plug-ins, merging, export."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.conftest import METHODS, ON_TASKS, ROOT, SMALL
from tests.harness.emotion_tasks import write_tasks

pytestmark = pytest.mark.slow

STORE_META = ".cache/prefshift/*/*/artefact.json"


def artefacts(prefshift) -> dict[str, float]:
    return {str(file): file.stat().st_mtime_ns for file in prefshift.home.glob(STORE_META)}


def test_files_hold_what_the_contract_says(finished):
    cells = pd.read_parquet(finished / "cells.parquet")
    results = pd.read_parquet(finished / "results.parquet")
    samples = pd.read_parquet(finished / "samples.parquet")
    assert len(cells) == 8 and set(cells["status"]) == {"done"} and cells["cell_id"].is_unique
    assert list(results.columns) == [
        "suite", "method", "hparams", "train_shift", "seed", "eval_shift", "metric", "value", "n", "cell_id"
    ]  # fmt: skip
    assert results["value"].dtype == "float64" and results["n"].gt(0).all()
    assert {"reward", "gated_reward", "nominal", "worst_case", "auc", "robustness_gap", "kl_to_reference", "win_rate",
            "preference_accuracy", "logp_chosen", "logp_rejected", "logp_unseen", "length", "eos_rate",
            "train_seconds", "step_ratio_to_dpo", "peak_memory_mb"} <= set(results["metric"])  # fmt: skip
    assert not results.duplicated(["cell_id", "eval_shift", "metric"]).any()
    # 24 validation and 24 test prompts, two checkpoints per trained cell, one of the reference
    assert len(samples) == 48 * (6 * 2 + 2)
    assert {"prompt", "completion", "anger", "fear", "gold_anger", "quality", "kl"} <= set(samples.columns)
    environment = json.loads((finished / "environment.json").read_text())
    assert environment["packages"]["torch"] and environment["hardware"]["cores"] and environment["seeds"] == [0, 1]


def test_results_follow_from_the_samples(finished):
    results = pd.read_parquet(finished / "results.parquet")
    samples = pd.read_parquet(finished / "samples.parquet")
    for cell_id, part in samples[samples["split"] == "test"].groupby("cell_id"):
        last = part[part["step"] == part["step"].max()]
        mine = results[(results["cell_id"] == cell_id)].set_index(["metric", "eval_shift"])["value"]
        shift = "alpha_mixture(a=joy,b=sadness,alpha=0.3,kind=convex)"
        assert mine["reward", shift] == pytest.approx((0.3 * last["joy"] + 0.7 * last["sadness"]).mean())
        assert mine["kl_to_reference", ""] == pytest.approx(last["kl"].mean())


def test_the_reference_is_at_zero_divergence_and_training_leaves_it(finished):
    results = pd.read_parquet(finished / "results.parquet")
    kl = results[results["metric"] == "kl_to_reference"].groupby("method")["value"].mean()
    assert kl["reference"] == pytest.approx(0, abs=1e-6) and kl["dpo"] > 1e-4
    logp = results[results["metric"].str.fullmatch("logp_(chosen|rejected)")]
    logp = logp.groupby(["method", "metric"])["value"].mean()
    assert logp["dpo", "logp_chosen"] > logp["dpo", "logp_rejected"]


def test_a_second_run_runs_nothing(prefshift, finished):
    before, page = artefacts(prefshift), (finished / "site" / "index.html").stat().st_mtime_ns
    again = prefshift(*SMALL, "--methods", METHODS, "--seeds", "2", "--out", "run")
    assert artefacts(prefshift) == before
    assert (finished / "site" / "index.html").stat().st_mtime_ns == page
    assert not re.search(r"\[\d+/\d+\]", again.stderr)


def test_adding_a_method_trains_it_alone_and_changes_no_other_number(prefshift, finished):
    out = prefshift.home / "grown"
    shutil.copytree(finished, out)
    before, numbers = set(artefacts(prefshift)), pd.read_parquet(out / "results.parquet")
    plugin = str(ROOT / "examples" / "mild_dpo.py")
    prefshift(*SMALL, "--methods", "mild_dpo", "--plugin", plugin, "--seeds", "2", "--out", "grown")
    new = [path.split("/")[-3] for path in set(artefacts(prefshift)) - before]
    assert sorted(set(new)) == ["contract", "generations", "scored_generations", "trained_policy"] and len(new) == 7
    grown = pd.read_parquet(out / "results.parquet")
    assert set(grown["method"]) == {"reference", "dpo", "oracle", "mild_dpo"}
    old = grown[grown["method"] != "mild_dpo"].reset_index(drop=True)
    key = ["cell_id", "eval_shift", "metric"]
    pd.testing.assert_frame_equal(
        old.sort_values(key, ignore_index=True), numbers.sort_values(key, ignore_index=True), check_exact=True
    )


def test_another_preset_or_setting_on_the_same_folder_is_refused(prefshift, finished):
    before = (finished / "results.parquet").read_bytes()
    wrong = prefshift("--preset", "quick", "--out", "run", status=2)
    assert "holds a run with other settings" in wrong.stderr and "preset: 'smoke' there, 'quick' here" in wrong.stderr
    prefshift(*SMALL, "--set", "training.learning_rate=1e-3", "--out", "run", status=2)
    assert (finished / "results.parquet").read_bytes() == before


def test_a_failing_method_takes_nothing_down_and_is_shown(prefshift, finished, tmp_path):
    plugin = tmp_path / "broken.py"
    plugin.write_text(
        "from dataclasses import dataclass\n"
        "from methods.dpo import DPO\n"
        "@dataclass(frozen=True)\n"
        "class Broken(DPO):\n"
        "    '''Divides by nothing.'''\n"
        "    name = 'broken_dpo'\n"
        "    def pair_losses(self, batch):\n"
        "        return super().pair_losses(batch) * float('nan')\n"
    )
    out = prefshift.home / "failing"
    shutil.copytree(finished, out)
    prefshift(*SMALL, "--methods", "broken_dpo", "--plugin", str(plugin), "--seeds", "1", "--out", "failing", status=1)
    cells = pd.read_parquet(out / "cells.parquet").set_index("method")
    assert cells.loc["broken_dpo", "status"] == "failed"
    assert "the objective was nan at step 1" in cells.loc["broken_dpo", "reason"]
    assert (cells.drop("broken_dpo")["status"] == "done").all()
    assert "the objective was nan at step 1" in (out / "site" / "index.html").read_text()
    prefshift(*SMALL, "--methods", "broken_dpo", "--plugin", str(plugin), "--seeds", "1", "--out", "alone", status=1)
    assert "the objective was nan at step 1" in (prefshift.home / "alone" / "site" / "index.html").read_text()


def test_a_method_that_breaks_the_contract_is_run_and_marked(prefshift, finished):
    out = prefshift.home / "marked"
    shutil.copytree(finished, out)
    plugin = str(ROOT / "tests" / "contract" / "wrong_methods" / "wrong_sign.py")
    prefshift(*SMALL, "--methods", "wrong_sign", "--plugin", plugin, "--seeds", "1", "--out", "marked")
    cells = pd.read_parquet(out / "cells.parquet").set_index("method")
    assert "direction" in json.loads(cells.loc["wrong_sign", "broken_checks"])
    assert (cells.drop("wrong_sign")["broken_checks"] == "").all() and cells.loc["wrong_sign", "status"] == "done"
    row = pd.read_csv(out / "leaderboard.csv").set_index("method").loc["wrong_sign"]
    assert "direction" in row["broken_checks"] and row["sentence"].startswith("Breaks the contract of a method")
    assert "Breaks the contract of a method" in (out / "site" / "index.html").read_text()


def test_blends_and_geometric_mixtures_run_like_the_rest(prefshift, finished):
    blend = "reward_blend(weights=joy:0.7+sadness:0.2+love:0.1)"
    shifts = f"{blend},alpha_mixture(a=joy,b=sadness,alpha=0.1,kind=geometric)"
    out = prefshift.home / "shifts"
    prefshift(*SMALL, "--methods", "reference,dpo", "--train-shifts", shifts, "--seeds", "1", "--out", "shifts")
    results, samples = pd.read_parquet(out / "results.parquet"), pd.read_parquet(out / "samples.parquet")
    for cell_id, part in samples[samples["split"] == "test"].groupby("cell_id"):
        last = part[part["step"] == part["step"].max()]
        mine = results[results["cell_id"] == cell_id].set_index(["metric", "eval_shift"])["value"]
        if "reward_blend" in results.loc[results["cell_id"] == cell_id, "train_shift"].iloc[0]:
            corner = "reward_blend(weights=joy:0+sadness:1+love:0)"
            assert mine["reward", corner] == pytest.approx(last["sadness"].mean())
        else:
            middle = "alpha_mixture(a=joy,b=sadness,alpha=0.5,kind=geometric)"
            assert mine["reward", middle] == pytest.approx(((last["joy"] * last["sadness"]) ** 0.5).mean())


@pytest.mark.parametrize(("signal_number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_an_interrupted_run_goes_on_where_it_stopped(prefshift, finished, signal_number, status):
    out = f"stopped-{signal_number}"
    sentences = f"suite.policy_sentences={30_000 + signal_number}"  # a policy of its own, long enough to be interrupted
    call = [*SMALL, "--set", sentences, "--methods", "dpo(beta=0.1),dpo(beta=1)", "--seeds", "1", "--out", out]
    partial = prefshift.home / ".cache" / "prefshift" / ".partial"
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run_all.py"), *call],
        cwd=prefshift.home,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs are deaf to it
    )
    while not any(partial.iterdir()):
        assert process.poll() is None, "ended before it could be interrupted"
        time.sleep(0.05)
    process.send_signal(signal_number)
    assert process.wait(timeout=300) == status
    prefshift(*call)
    cells = pd.read_parquet(prefshift.home / out / "cells.parquet")
    assert set(cells["status"]) == {"done"}


def test_plan_counts_and_runs_nothing(prefshift, finished):
    before = artefacts(prefshift)
    done = prefshift("plan", *SMALL, "--methods", METHODS, "--seeds", "2", "--out", "run")
    assert "8 done, 0 to do, 0 skipped" in done.stdout
    more = prefshift("plan", *SMALL, "--methods", METHODS, "--seeds", "3", "--out", "run")
    assert "8 done, 4 to do, 0 skipped" in more.stdout
    assert artefacts(prefshift) == before


def test_a_method_that_cannot_be_trained_somewhere_is_skipped_with_its_reason(prefshift, finished):
    shift = "alpha_mixture(a=anger,b=fear,alpha=0.5)"
    plan = prefshift("plan", *SMALL, "--methods", "dpo,oracle", "--train-shifts", shift, "--seeds", "1", "--out", "new")
    assert "1 skipped" in plan.stdout and "is the middle mixture already" in plan.stdout


def test_a_run_of_the_reference_alone_writes_its_page(prefshift, finished):
    prefshift(*SMALL, "--methods", "reference", "--out", "untrained")
    assert (prefshift.home / "untrained" / "site" / "index.html").is_file()
    assert pd.read_csv(prefshift.home / "untrained" / "leaderboard.csv")["method"].tolist() == ["reference"]


@pytest.mark.parametrize("form", ["csv", "latex", "markdown", "json"])
def test_export(prefshift, finished, form):
    printed = prefshift("export", str(finished), "--format", form).stdout
    assert "gated_over_envelope" in printed or "Over DPO envelope" in printed
    assert form != "latex" or "\\toprule" in printed


def test_report_merges_runs(prefshift, finished):
    more = prefshift.home / "more"
    prefshift(*SMALL, "--methods", "reference,dpo(beta=0.1),dpo(beta=1),sft", "--seeds", "2", "--out", "more")
    page = prefshift("report", str(finished), str(more), "--out", str(prefshift.home / "merged")).stdout.strip()
    table = pd.read_csv(prefshift.home / "merged" / "leaderboard.csv")
    assert page.endswith("index.html") and {"sft", "oracle"} <= set(table["method"])
    assert not table.duplicated(["train_shift", "method", "hparams"]).any()


def test_policies_are_held_to_tasks_of_lm_eval_without_training_anew(prefshift, finished, tmp_path):
    tasks = [*ON_TASKS, "--set", f"eval.lm_eval.include_path={write_tasks(tmp_path)}"]
    before = set(artefacts(prefshift))
    prefshift(*SMALL, "--methods", "reference,dpo(beta=0.1)", "--seeds", "2", *tasks, "--out", "tasks")
    assert {Path(file).parts[-3] for file in artefacts(prefshift).keys() - before} == {"lm_eval"}
    run = prefshift.home / "tasks"
    results = pd.read_parquet(run / "results.parquet")
    scores = results[results["metric"].str.startswith("lm_eval/")]
    names = ["emotion_choice/acc", "emotion_choice/acc_stderr", "emotion_choices/acc", "emotion_answer/exact_match"]
    assert {f"lm_eval/{name}" for name in names} <= set(scores["metric"]) and set(scores["n"]) == {20}
    assert (scores.groupby("metric")["cell_id"].nunique() == 4).all()
    others = results[results["metric"] == "nominal"]
    both = pd.read_parquet(finished / "results.parquet").merge(others, on=["cell_id", "eval_shift", "metric"])
    assert len(both) == 4 and both["value_x"].equals(both["value_y"])
    table = pd.read_csv(run / "leaderboard.csv").set_index("key")
    mean = results[results["metric"].isin(["lm_eval/emotion_choices/acc", "lm_eval/emotion_answer/exact_match"])]
    assert table.loc["reference", "lm_eval"] == pytest.approx(mean[mean["method"] == "reference"]["value"].mean())
    assert "What it does elsewhere" in (run / "site" / "index.html").read_text()
    environment = json.loads((run / "environment.json").read_text())
    assert [task["task"] for task in environment["lm_eval"]] == ["emotion_choices", "emotion_answer"]


def test_a_task_that_cannot_be_run_is_named_before_anything_trains(prefshift, tmp_path):
    tasks = write_tasks(tmp_path)
    where = ["--set", f"eval.lm_eval.include_path={tasks}"]
    run = [*SMALL, "--methods", "reference,dpo(beta=7)", "--seeds", "1", *ON_TASKS, *where, "--out", "never"]
    (tasks / "emotion_answer.yaml").write_text((tasks / "emotion_answer.yaml").read_text().replace("test.txt", "gone"))
    said = prefshift(*run, status=2).stderr
    assert "emotion_answer: its data cannot be had" in " ".join(said.split())
    assert not (prefshift.home / "never" / "results.parquet").exists()


def test_the_same_matrix_generated_by_vllm(prefshift, finished):
    """The policy, pairs and training are real; the engine runs in a process of its own, weights swapped in place."""
    pytest.importorskip("vllm", reason="the extra `cpu` or `gpu` is not installed")
    prefshift(*SMALL, "--methods", "reference,dpo(beta=0.1)", "--seeds", "1", "--backend", "vllm",
              "--workers", "1", "--out", "vllm")  # fmt: skip
    results = pd.read_parquet(prefshift.home / "vllm" / "results.parquet")
    ours = pd.read_parquet(finished / "results.parquet")
    pick = "metric == 'length' and method == 'reference' and seed == 0"
    # Other draws on 24 prompts: one standard error of the difference is 8%; garbage ends at once or never.
    assert results.query(pick)["value"].item() == pytest.approx(ours.query(pick)["value"].item(), rel=0.5)
    environment = json.loads((prefshift.home / "vllm" / "environment.json").read_text())
    assert environment["config"]["backend"] == "vllm"
