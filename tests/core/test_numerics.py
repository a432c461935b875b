"""The arithmetic of a run: what portable pins, that a stage then has the same bits whatever the processor seems to be,
and that a fingerprint stands for the bits that were made with it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.core.errors import UserError
from benchmark.core.graph import Stage, missing_stages
from benchmark.core.store import META, Store
from benchmark.pipeline import numerics
from benchmark.pipeline.execute.arithmetic import DIGITS
from benchmark.pipeline.execute.local import LocalExecutor
from benchmark.pipeline.execute.worker import WorkerSetup
from benchmark.pipeline.kinds import kind_of, read_config
from benchmark.pipeline.numerics import Numerics, check_numerics, worker_environment
from benchmark.pipeline.provenance import arithmetics
from benchmark.pipeline.run import REGISTERS_STAGES
from benchmark.pipeline.text.stages import COST, CURVE

SMALL = [
    "suite.policy_sentences=1280",
    "suite.reward_sentences=1280",
    "suite.train_prompts=128",
    "training.epochs=4",
    "training.learning_rate=1e-3",
]
OTHER_PROCESSOR = {  # as if another one were there: what chooses kernels, in each library
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Prescott",
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2",
}
has_portable = numerics.processor_flags() >= numerics.NEEDED
needs_avx2 = pytest.mark.skipif(not has_portable, reason="this processor has no AVX2 and FMA")


class Quiet:
    """Fails the test where a stage fails."""

    def started(self, stage: Stage, worker: int) -> None: ...

    def advanced(self, stage: Stage, worker: int, done: int, total: int) -> None: ...

    def waits(self, stage: Stage, worker: int, owner: str) -> None: ...

    def ended(self, stage: Stage, worker: int, error: str | None) -> None:
        assert error is None, f"{stage.kind}: {error}"


def training_stage(setting: Numerics) -> Stage:
    """The stage that trains DPO in a small `grammar`; its inputs are a policy, sampled and scored pairs."""
    config = read_config(
        "grammar", "smoke", settings=[*SMALL, f"numerics={setting}"], options={"methods": "dpo(beta=0.1)"}
    )
    matrix = kind_of("grammar").build(config, "transformers")
    return matrix.cells[0].stages["trained_policy"]


def made(folder: Path, setting: Numerics) -> tuple[str, dict[str, str]]:
    """Run that stage and all before it in a worker: the fingerprint, and by kind of stage the hash of what it wrote."""
    store, wanted = Store(folder / "store"), training_stage(setting)
    setup = WorkerSetup(store.root, (), 1, worker_environment(setting), folder / "log.txt", modules=REGISTERS_STAGES)
    stages = missing_stages([wanted], store)
    LocalExecutor(setup, 1).execute(stages, Quiet())
    (arithmetic,) = arithmetics([wanted], store)
    assert arithmetic["stages"] == len(stages)
    return arithmetic["fingerprint"], {stage.kind: bits(stage.folder(store)) for stage in stages}


def bits(artefact: Path) -> str:
    """A hash of an artefact without what is measured of the machine."""
    digest = hashlib.sha256()
    for file in sorted(artefact.rglob("*")):
        if file.is_file() and file.name not in (META, COST, CURVE):  # the last two hold times
            digest.update(file.read_bytes())
    return digest.hexdigest()


@pytest.mark.slow
@needs_avx2
def test_a_fingerprint_stands_for_bits_and_portable_for_the_same_on_another_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which paths differ depends on the machine, so that is not asked; here `fast` usually gives two fingerprints."""
    found: dict[tuple[Numerics, bool], tuple[str, dict[str, str]]] = {}
    for other in (False, True):
        for name, value in OTHER_PROCESSOR.items() if other else ():
            monkeypatch.setenv(name, value)
        for setting in ("fast", "portable"):
            folder = tmp_path / f"{setting}-{other}"
            folder.mkdir()
            found[setting, other] = made(folder, setting)
    kinds = set(found["fast", False][1])
    assert {"policy", "reward_model", "completions", "pairs", "trained_policy"} <= kinds
    assert found["portable", False] == found["portable", True]
    for one, its in found.values():
        for another, their in found.values():
            assert one != another or its == their


@pytest.mark.slow
def test_a_fingerprint_is_the_same_in_another_process(tmp_path: Path) -> None:
    script = (
        "from benchmark.pipeline.execute.arithmetic import arithmetic; import json; print(json.dumps(arithmetic()))"
    )
    environment = {**os.environ, **{name: value for name, value in numerics.ONE_THREAD.items() if value}}
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    (told,) = map(json.loads, outputs)
    assert len(told["fingerprint"]) == DIGITS and told["vendor"] and told["capability"]


PRINTS_VARIABLES = """
import json, os
from pathlib import Path
from benchmark.core.graph import Task, stage

@stage("variables_in_test", version=1)
def variables(task: Task) -> None:
    (task.folder / "variables.json").write_text(json.dumps(dict(os.environ)))
"""


@pytest.mark.slow
def test_a_worker_is_started_with_its_variables_and_its_master_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MKL_ENABLE_INSTRUCTIONS", "AVX2")
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    plugin = tmp_path / "kinds.py"
    plugin.write_text(PRINTS_VARIABLES)
    before, store = dict(os.environ), Store(tmp_path / "store")
    variables = {**numerics.ONE_THREAD, "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": None}
    setup = WorkerSetup(store.root, (plugin,), 1, variables, tmp_path / "log.txt")
    wanted = Stage("variables_in_test", 1, {})
    LocalExecutor(setup, 1).execute([wanted], Quiet())
    seen = json.loads((wanted.folder(store) / "variables.json").read_text())
    assert seen["ATEN_CPU_CAPABILITY"] == "avx2" and seen["OMP_NUM_THREADS"] == "1"
    assert "MKL_ENABLE_INSTRUCTIONS" not in seen and dict(os.environ) == before
    told = store.meta(wanted.kind, wanted.key)["numerics"]
    assert told["variables"] == {"ATEN_CPU_CAPABILITY": "avx2"}


def test_portable_is_part_of_what_determines_every_stage_and_fast_is_of_none() -> None:
    fast, portable = training_stage("fast"), training_stage("portable")
    for one, other in zip(ancestry(fast), ancestry(portable), strict=True):
        assert one.kind == other.kind and one.key != other.key
        assert "numerics" not in one.identity and other.identity["numerics"] == "portable"


def ancestry(stage: Stage) -> list[Stage]:
    """The stage and what it is made from, each as often as it is used."""
    return [stage, *(older for parent in stage.inputs.values() for older in ancestry(parent))]


def test_a_machine_without_the_instructions_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numerics, "processor_flags", lambda: frozenset({"sse2", "fma"}))
    check_numerics("fast")
    with pytest.raises(UserError, match=r"numerics=portable needs .* avx2 was not found .* Allowed here: fast"):
        check_numerics("portable")
    monkeypatch.setattr(numerics, "processor_flags", lambda: numerics.NEEDED)
    monkeypatch.setattr(numerics, "gpu_count", lambda: 0)
    check_numerics("portable")
    monkeypatch.setattr(numerics, "gpu_count", lambda: 1)
    with pytest.raises(UserError, match="a GPU is visible"):
        check_numerics("portable")


def test_a_setting_that_is_none_is_told() -> None:
    with pytest.raises(UserError, match=r"setting 'numerics': .*'fast' or 'portable'"):
        read_config("grammar", "smoke", settings=["numerics=quick"])


def test_arithmetics_of_a_store_are_counted_and_an_unrecorded_one_is_unknown(tmp_path: Path) -> None:
    store = Store(tmp_path)
    parent = Stage("a", 1, {"n": 0})
    wanted = [Stage("b", 1, {"n": number}, {"parent": parent}) for number in range(4)]
    recorded = {"numerics": {"fingerprint": "aaaa", "vendor": "one"}}
    for made_stage, meta in zip(
        (parent, *wanted[:3]), ({}, recorded, recorded, {"numerics": {"fingerprint": "bbbb"}}), strict=True
    ):
        with store.writing(made_stage.kind, made_stage.key, meta):
            pass
    assert arithmetics(wanted, store) == [
        {"fingerprint": "aaaa", "vendor": "one", "stages": 2},
        {"fingerprint": "bbbb", "stages": 1},
        {"fingerprint": "unknown", "stages": 1},
    ]
