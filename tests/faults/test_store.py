"""Damage that is done to a store, and locks whose owners were killed."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.core import locks
from benchmark.core.locks import Owner, claimed
from benchmark.core.processes import started
from benchmark.core.store import DAMAGED, META, Store
from benchmark.pipeline.soundness import stages_to_run
from tests.faults.harm import HOLDS, POLICY, RESULT, TRAINED, flip, matrix, until, write


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """All three stages are there."""
    store = Store(tmp_path)
    for stage in (POLICY, TRAINED, RESULT):
        write(store, stage)
    return Store(tmp_path)  # one that has seen nothing yet


def to_run(store: Store) -> tuple[list[str], list[str]]:
    said: list[str] = []
    stages, _ = stages_to_run(matrix(), Store(store.root), said.append)
    return [stage.kind for stage in stages], said


def test_what_is_sound_is_left_alone(store: Store) -> None:
    assert to_run(store) == ([], [])
    assert store.fault("result", RESULT.key) is None and not (store.root / DAMAGED).exists()


def test_every_flipped_bit_is_seen(store: Store) -> None:
    """A bit at a time, in 120 places over all files of an artefact, the record of its checksums among them."""
    folder, draw = RESULT.folder(store), random.Random(0)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    assert len(files) == 3
    for _ in range(40):
        for file in files:
            position, bit = draw.randrange(file.stat().st_size), draw.randrange(8)
            flip(file, position, bit)
            assert Store(store.root).fault("result", RESULT.key) is not None, (file, position, bit)
            flip(file, position, bit)
    assert Store(store.root).fault("result", RESULT.key) is None


def test_a_damaged_result_is_set_aside_and_made_again_alone(store: Store) -> None:
    before = (RESULT.folder(store) / "table.parquet").read_bytes()
    flip(RESULT.folder(store) / "table.parquet", 1000)
    kinds, (said,) = to_run(store)
    assert kinds == ["result"] and "the checksum of table.parquet is wrong" in said and DAMAGED in said
    assert not RESULT.done(Store(store.root))
    (aside,) = (store.root / DAMAGED / "result").iterdir()
    assert aside.name.startswith(RESULT.key) and (aside / "table.parquet").read_bytes() != before
    write(store, RESULT)
    assert to_run(store) == ([], []) and (RESULT.folder(store) / "table.parquet").read_bytes() == before


def test_a_damaged_input_of_what_must_run_is_made_again_too(store: Store) -> None:
    flip(TRAINED.folder(store) / "deep" / "weights.safetensors", 77)
    (RESULT.folder(store) / META).unlink()
    kinds, said = to_run(store)
    assert kinds == ["trained", "result"] and len(said) == 2


def test_what_tables_read_of_a_finished_cell_is_verified_too(store: Store) -> None:
    flip(TRAINED.folder(store) / "table.parquet", 5)
    assert to_run(store)[0] == ["trained"]


@pytest.mark.parametrize("damage", ["a file is missing", "a file is short", "the record is empty", "no record"])
def test_what_lacks_a_part_counts_as_not_there(store: Store, damage: str) -> None:
    folder = RESULT.folder(store)
    weights = folder / "deep" / "weights.safetensors"
    if damage == "a file is missing":
        weights.unlink()
    elif damage == "a file is short":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "the record is empty":
        (folder / META).write_text("")
    else:
        (folder / META).unlink()
    assert not RESULT.done(store)
    assert [kind for kind, _ in Store(store.root).metas()].count("result") == ("file" in damage)
    write(store, RESULT)  # a run that did not look before it began commits over it all the same
    assert RESULT.done(store) and Store(store.root).fault("result", RESULT.key) is None
    assert len(list((store.root / DAMAGED / "result").iterdir())) == 1


def test_an_artefact_of_an_earlier_version_is_taken_as_it_is(store: Store) -> None:
    folder = RESULT.folder(store)
    record = json.loads((folder / META).read_text())
    (folder / META).write_text(json.dumps({key: record[key] for key in ("label", "seconds")}))
    flip(folder / "table.parquet", 3)
    assert to_run(store) == ([], []) and store.meta("result", RESULT.key)["seconds"] == 1.5


# Locks -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, which holds `locks/one`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path / "locks" / "one")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "mine\n"
    yield process
    process.kill()
    process.wait()


def test_a_lock_names_its_owner_and_goes_with_it(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    file = tmp_path / "locks" / "one"
    with claimed(file) as other:
        assert other is not None and other.pid == holder.pid and str(holder.pid) in str(other)
    assert file.exists(), "whoever was refused has no lock to give back"
    holder.kill()
    while started(holder.pid) is not None:  # it is not waited for: a zombie holds nothing
        time.sleep(0.01)
    with claimed(file) as other:
        assert other is None and json.loads(file.read_text())["pid"] == os.getpid()
    assert not file.exists()


def test_the_lock_of_a_killed_process_is_swept_and_that_of_a_living_one_is_not(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    folder = tmp_path / "locks"
    locks.sweep(folder)
    assert (folder / "one").exists()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    locks.sweep(folder)
    assert not (folder / "one").exists()


def test_a_number_that_was_given_to_another_process_is_not_its_owner(tmp_path: Path) -> None:
    before = Owner(socket.gethostname(), os.getpid(), "when an earlier process of that number began", 0.0)
    (tmp_path / "one").write_text(json.dumps(before.__dict__))
    with claimed(tmp_path / "one") as other:
        assert other is None


@pytest.mark.parametrize(("silent", "free"), [(locks.SILENCE / 2, False), (locks.SILENCE * 2, True)])
def test_an_owner_elsewhere_is_believed_until_it_is_silent(tmp_path: Path, silent: float, free: bool) -> None:
    file = tmp_path / "one"
    file.write_text(json.dumps(Owner("another-machine", 1, "", 0.0).__dict__))
    last = time.time() - silent
    os.utime(file, (last, last))
    with claimed(file) as other:
        assert (other is None) == free


def test_a_lock_that_a_power_failure_left_empty_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("")
    with claimed(tmp_path / "one") as other:
        assert other is None


def test_lock_files_of_earlier_versions_are_swept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (tmp_path / ".scratch").mkdir()
    (tmp_path / ".scratch" / "key.lock").write_text("")
    store.sweep()
    assert not list((tmp_path / ".scratch").iterdir())


def test_an_owner_gives_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "BEAT", 0.05)
    with claimed(tmp_path / "one") as other:
        assert other is None
        os.utime(tmp_path / "one", (0.0, 0.0))
        until(lambda: (tmp_path / "one").stat().st_mtime > 0, "the lock was touched")
