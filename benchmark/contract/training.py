"""Whole runs, of four steps: one that was stopped goes on as if it had not been, and every method leaves a policy."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from benchmark.contract.batches import GROUPS, random_batch
from benchmark.contract.check import Check, NotApplicable, expect, expect_close
from benchmark.contract.examples import shift_points
from benchmark.contract.subjects import MethodSubject
from benchmark.core.data import Floats
from benchmark.training.cell import TrainingCell, World
from benchmark.training.job import CellJob
from benchmark.training.resume import STATE
from benchmark.training.settings import TrainingSettings
from methods import Method, PairwiseMethod
from shifts import Shift

NEW_TOKENS = 4  # of a completion that an online method draws
ON_GPU = 1e-5  # where sums have no fixed order; on a CPU every bit is the same
BATCH, SAVE_EVERY, STOP_AT = 16, 2, 3  # 64 pairs are 4 steps; the run dies in step 3 and goes on from step 2
SETTINGS = TrainingSettings(epochs=1, batch_size=BATCH, warmup_steps=0, learning_rate=1e-3, checkpoints=1)


class Stopped(Exception):
    """The run dies here."""


def state(subject: MethodSubject) -> str:
    """Running quantities keep their names, shapes and types, are finite, detached floating-point tensors."""
    if not subject.pairwise.has_state():
        raise NotApplicable("the method keeps no running quantities")
    for method in subject.variants():
        first = method.initial_state(GROUPS)
        expect(first, f"{method}: initial_state to hold what next_state carries on", "an empty state")
        before = first
        for step in range(3):
            after = method.next_state(random_batch(step).detached().with_state(before))
            _expect_carried(method, first, after, step + 1)
            before = after
    return ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in first.items())


def _expect_carried(
    method: PairwiseMethod, first: Mapping[str, Tensor], after: Mapping[str, Tensor], step: int
) -> None:
    where = f"{method}, state of step {step}"
    expect(set(after) == set(first), f"{where}: the names of initial_state, {sorted(first)}", str(sorted(after)))
    for name, tensor in after.items():
        described = f"{list(tensor.shape)} {tensor.dtype}"
        stated = f"{list(first[name].shape)} {first[name].dtype}"
        expect(described == stated, f"{where}: {name} as in initial_state, {stated}", described)
        expect(tensor.is_floating_point(), f"{where}: {name} in floating point", str(tensor.dtype))
        expect(not tensor.requires_grad, f"{where}: {name} detached", "a tensor with a graph")
        expect(tensor.isfinite().all(), f"{where}: a finite {name}", str(tensor.flatten().tolist()))


def resume(subject: MethodSubject) -> str:
    """A run that is stopped and goes on from its checkpoint ends with the same weights (on a CPU, bit for bit)."""
    method, folder = subject.pairwise, subject.lab.folder / "resume"
    shutil.rmtree(folder, ignore_errors=True)
    whole, stopped = _cell(subject, folder / "whole"), _cell(subject, folder / "stopped")
    with _quiet():
        CellJob(whole).fit_pairs(method)
    dying = replace(stopped, progress=_die, settings=SETTINGS.model_copy(update={"save_every": SAVE_EVERY}))
    try:
        with _quiet():
            CellJob(dying).fit_pairs(method)
    except Stopped:
        _expect_saved(method, folder / "stopped" / "scratch" / "trainer" / f"checkpoint-{SAVE_EVERY}" / STATE)
    seen: list[int] = []
    with _quiet():
        CellJob(replace(dying, progress=lambda done, total: seen.append(done))).fit_pairs(method)
    expect(seen == [3, 4], f"{method}: to go on with steps [3, 4]", str(seen))
    step = f"step-{len(subject.lab.pairs) // BATCH:06d}"
    got, expected = (load_file(cell.folder / step / "model.safetensors") for cell in (stopped, whole))
    for name in expected:
        what = f"{method}: {name} after 4 steps, stopped in step {STOP_AT}"
        expect_close(got[name], expected[name], ON_GPU if torch.cuda.is_available() else 0.0, what)
    return f"stopped in step {STOP_AT} of 4"


def trains(subject: MethodSubject) -> str:
    """`train` writes a checkpoint whose weights are finite and have moved."""
    method, folder = subject.method, subject.lab.folder / "trains"
    if not method.trains:
        raise NotApplicable("the method does not train")
    if isinstance(method, PairwiseMethod) and type(method).train is PairwiseMethod.train:
        raise NotApplicable("the class keeps the `train` of every pairwise method, which `resume` runs")
    shutil.rmtree(folder, ignore_errors=True)
    point = _accepted_shift(method)
    parts = []
    for number, (part, corner) in enumerate(method.parts(point)):
        with _quiet():
            part.train(CellJob(_cell(subject, folder / f"part-{number}", corner)))
        parts.append(folder / f"part-{number}" / "result")
    cell = _cell(subject, folder / "whole", point, tuple(parts))
    with _quiet():
        method.train(CellJob(cell))
    steps = sorted(cell.folder.glob("step-*"))
    expect(steps, f"{method}: a checkpoint step-NNNNNN in the folder of the job", "none")
    before, after = (load_file(source / "model.safetensors") for source in (cell.policy, steps[-1]))
    expect(after.keys() == before.keys(), f"{method}: weights of the policy's names", str(sorted(after)))
    expect(all(bool(weight.isfinite().all()) for weight in after.values()), f"{method}: finite weights", "others")
    moved = max(float((after[name] - before[name]).abs().max()) for name in before)
    expect(moved > 0, f"{method}: weights that moved", "those of the reference")
    return f"on {point}; {steps[-1].name} moved by up to {moved:.1e}"


def _accepted_shift(method: Method) -> Shift:
    """The first registered shift that the method does not skip."""
    accepted = next((point for point in shift_points() if method.skip(point) is None), None)
    if accepted is None:
        raise NotApplicable("the method skips every registered shift")
    return accepted


def _cell(
    subject: MethodSubject, folder: Path, shift: Shift | None = None, parts: tuple[Path, ...] = ()
) -> TrainingCell:
    lab, result = subject.lab, folder / "result"
    result.mkdir(parents=True)
    return TrainingCell(
        policy=lab.policy_folder,
        pairs=lab.pairs,
        reference=lab.reference,
        settings=SETTINGS,
        seed=7,
        folder=result,
        progress=lambda done, total: None,
        scratch=folder / "scratch",
        parts=parts,
        shift=shift,
        rewards=lab.rewards_file,
        world=World(lab.prompts, NEW_TOKENS, _lengths),
    )


def _lengths(prompts: Sequence[str], completions: Sequence[str]) -> Floats:
    """A reward: long completions are good."""
    return np.array([float(len(completion)) for completion in completions])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the trainers' bars and summaries."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


def _die(done: int, total: int) -> None:
    if done == STOP_AT:
        raise Stopped


def _expect_saved(method: PairwiseMethod, file: Path) -> None:
    names = set(load_file(file)) if file.exists() else set()
    stated = set(method.initial_state(GROUPS))
    expect(names == stated, f"{method}: a checkpoint that holds the state {sorted(stated)}", str(sorted(names)))


CHECKS = (
    Check(
        "state",
        state,
        "Let next_state return tensors of the names, shapes and types of initial_state, detached: start from "
        "torch.zeros((), dtype=torch.float64), say, and end with .double(). A checkpoint keeps them as they are.",
        after=("pure",),
    ),
    Check(
        "resume",
        resume,
        "Keep what a later step needs in the state (initial_state, next_state): a checkpoint holds nothing that stands "
        "on the object, the class or the module.",
        after=("pure", "finite", "state"),
    ),
)
ALL_METHODS = (
    Check(
        "trains",
        trains,
        "Let `train` end in a verb of the job (fit_pairs, fit_unpaired, fit_online, average), or set trains = False.",
        after=("finite", "resume"),
    ),
)
