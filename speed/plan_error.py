"""How far `plan` is off: estimates from smoke runs beside what larger runs took, kind by kind.

Run: `python speed/plan_error.py --smoke STORE --actual STORE --data DIR [CASE ...] [--run]`. STORE: a folder that runs
were made with (`--store`). DIR: the `emotion` texts. With `--run`, what the stores lack is run first, with one worker:
both smoke presets, and the cases, which take minutes to an hour. Without it, only stages that the actual store holds
are compared. Seconds are those of the processor on a CPU, on the clock beside a GPU.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmark.core.graph import missing_stages
from benchmark.core.resources import device_name
from benchmark.core.store import Store
from benchmark.generation.backends import resolve_backend
from benchmark.pipeline.estimates.devices import device
from benchmark.pipeline.estimates.estimate import Estimate, Estimator
from benchmark.pipeline.estimates.records import spent
from benchmark.pipeline.kinds import build_matrix, read_config
from benchmark.pipeline.plan import BY_METHOD

ROOT = Path(__file__).resolve().parents[1]
SMOKE = ("grammar-smoke", "emotion-smoke")
CASES = ("grammar-full", "emotion-quick", "tiny-hub")
TINY = {"vocab_size": 3000, "n_embd": 96, "n_layer": 3, "n_head": 3, "n_positions": 256}


def settings_of(case: str, data: Path | None, scratch: Path) -> tuple[str, str, list[str]]:
    """Suite, preset and settings of a case.

    Args:
        case: SUITE-PRESET or tiny-hub.
        data: the texts of `emotion`.
        scratch: where the tiny checkpoint is made.
    """
    suite, preset = ("emotion", "smoke") if case == "tiny-hub" else case.split("-")
    if suite != "emotion":
        return suite, preset, []
    if data is None:
        raise SystemExit(f"{case} needs --data DIR, the folder of the emotion texts")
    settings = [f"suite.data_dir={data}", "suite.policy=scratch"]
    if case == "tiny-hub":
        settings[1] = f"suite.policy={tiny_checkpoint(data, scratch / 'tiny')}"
        settings += ["suite.finetune.epochs=2", "suite.finetune.learning_rate=1e-3", "suite.transformer.epochs=2"]
    return suite, preset, settings


def tiny_checkpoint(data: Path, folder: Path) -> Path:
    """A small model of GPT-2's shape with random weights, always the same, as the hub would hand it out."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    from benchmark.policies.encoding import train_tokenizer
    from benchmark.suites.emotion.data import read_folder

    if not (folder / "config.json").is_file():
        tokenizer = train_tokenizer(read_folder(data, "train").texts, TINY["vocab_size"])
        ends = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
        torch.manual_seed(0)
        GPT2LMHeadModel(GPT2Config(**TINY, **ends)).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def run(case: str, store: Path, data: Path | None, scratch: Path) -> None:
    """The case with one worker; what the store holds already is not run again."""
    suite, preset, settings = settings_of(case, data, scratch)
    call = ["--suite", suite, "--preset", preset, "--store", str(store), "--out", str(scratch / case), "--workers", "1"]
    options = [part for setting in settings for part in ("--set", setting)]
    subprocess.run([sys.executable, str(ROOT / "run_all.py"), *call, *options], check=True)


def compare(case: str, smoke: Store, actual: Store, data: Path | None, scratch: Path) -> None:
    """Print estimated and actual seconds by kind of stage, and in all."""
    suite, preset, settings = settings_of(case, data, scratch)
    matrix = build_matrix(read_config(suite, preset, settings=settings), resolve_backend("auto"))
    estimator = Estimator(smoke, device(device_name()))
    with tempfile.TemporaryDirectory() as empty:
        stages = missing_stages(matrix.stages(), Store(Path(empty)))
    grouped: dict[str, list[tuple[Estimate, float]]] = defaultdict(list)
    for stage in stages:
        if stage.done(actual):
            name = f"{stage.kind} {stage.label}" if stage.kind in BY_METHOD else stage.kind
            grouped[name].append((estimator.estimate(stage), spent(actual.meta(stage.kind, stage.key))))
    compared = [pair for pairs in grouped.values() for pair in pairs]
    print(f"\n{case}: {len(compared)} of {len(stages)} stages are in the actual store")
    for name, pairs in grouped.items():
        print(row(name, pairs) + f"   {pairs[0][0].basis}")
    if compared:
        print(row("all", compared), flush=True)


def row(name: str, pairs: list[tuple[Estimate, float]]) -> str:
    """One line: count, estimated and actual seconds, their ratio."""
    estimated, took = sum(estimate.seconds for estimate, _ in pairs), sum(seconds for _, seconds in pairs)
    return f"{name:26}{len(pairs):5}{estimated:10.1f} s estimated{took:10.1f} s actual{estimated / took:7.2f}"


def main() -> None:
    """Run what is asked for, and compare case by case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--smoke", type=Path, required=True)
    parser.add_argument("--actual", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--run", action="store_true")
    options = parser.parse_args()
    cases = options.cases or CASES
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if options.run:
            for case in SMOKE:
                run(case, options.smoke, options.data, scratch)
            for case in cases:
                run(case, options.actual, options.data, scratch)
        for case in cases:
            compare(case, Store(options.smoke), Store(options.actual), options.data, scratch)


if __name__ == "__main__":
    main()
