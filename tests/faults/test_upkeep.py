"""`prefshift store`: ls, verify, gc and du on stores that runs refer to, or do not any more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmark.cli import FAILED, MISTAKE, main
from benchmark.core.graph import Stage
from benchmark.core.store import DAMAGED, META, Store
from benchmark.pipeline.references import RUNS, refer
from tests.faults.harm import POLICY, RESULT, TRAINED, flip, matrix, write

ALONE = Stage("trained", 1, {"of": "no run"})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run that refers to three artefacts, and a fourth that none refers to."""
    store = Store(tmp_path / "store")
    for stage in (POLICY, TRAINED, RESULT, ALONE):
        write(store, stage)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "environment.json").write_text("{}")
    refer(store.root, tmp_path / "run", matrix())
    return store


def call(store: Store, *arguments: str) -> int:
    return main(["store", *arguments, "--store", str(store.root)])


def there(store: Store) -> set[str]:
    return {key for _, key in store.artefacts()}


def test_ls_counts_kinds_and_lists_one(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(store, "ls") == 0
    rows = [line.split("│")[1:4] for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["policy", "1", "1"],
        ["result", "1", "1"],
        ["trained", "2", "1"],
    ]
    assert call(store, "ls", "trained") == 0
    listed = capsys.readouterr().out
    assert TRAINED.key in listed and ALONE.key in listed and "5." in listed and "kB" in listed
    assert call(store, "ls", "traind") == MISTAKE
    assert "Did you mean 'trained'" in capsys.readouterr().err


def test_du_says_what_gc_would_free(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(store, "du") == 0
    rows = [line.split("│")[1:4] for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    found = {name.strip(): (size.strip(), free.strip()) for name, size, free in rows}
    assert set(found) == {"policy", "result", "trained", "all"} and found["policy"][1] == found["result"][1] == "0 B"
    assert found["trained"][1] == found["all"][1] != "0 B"


def test_verify_sets_damage_aside_and_fails(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(store, "verify") == 0 and "4 artefacts, 0 damaged." in capsys.readouterr().out
    flip(TRAINED.folder(store) / "deep" / "weights.safetensors", 11)
    assert call(store, "verify", "--dry-run") == FAILED and TRAINED.folder(store).exists()
    assert call(store, "verify") == FAILED
    assert "the checksum of deep/weights.safetensors is wrong; set aside in" in capsys.readouterr().out
    assert not TRAINED.folder(store).exists() and len(list((store.root / DAMAGED / "trained").iterdir())) == 1
    assert call(store, "verify") == 0


def test_verify_says_of_how_many_it_can_say_nothing(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    (RESULT.folder(store) / META).write_text(json.dumps({"label": "old"}))
    assert call(store, "verify") == 0
    assert "4 artefacts, 0 damaged; 1 without checksums" in capsys.readouterr().out


def test_gc_removes_what_no_run_refers_to_and_nothing_else(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(store, "gc", "--dry-run") == 0
    assert "would remove 1 folders" in capsys.readouterr().out and len(there(store)) == 4
    assert call(store, "gc") == 0
    assert there(store) == {POLICY.key, TRAINED.key, RESULT.key} and not ALONE.folder(store).exists()
    assert not list((store.root / ".partial").iterdir())


def test_gc_keeps_for_a_run_whose_folder_is_gone_unless_told(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(tmp_path / "run")
    assert call(store, "gc") == 0
    assert str(tmp_path / "run") in capsys.readouterr().out.replace("\n", "") and len(there(store)) == 3
    assert call(store, "gc", "--forget-gone", "--dry-run") == 0
    assert "would remove 3 folders" in capsys.readouterr().out and len(there(store)) == 3
    assert call(store, "gc", "--forget-gone") == 0
    assert there(store) == set() and not list((store.root / RUNS).iterdir())


def test_gc_forgets_a_run_that_is_named_and_no_other(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(store, "gc", "--forget", str(tmp_path / "other")) == MISTAKE
    assert "knows of no run in" in capsys.readouterr().err and len(there(store)) == 4
    assert call(store, "gc", "--forget", str(tmp_path / "run")) == 0
    assert there(store) == set()


def test_gc_leaves_artefacts_of_earlier_versions_unless_told(store: Store) -> None:
    (ALONE.folder(store) / META).write_text(json.dumps({"label": "old"}))
    assert call(store, "gc") == 0 and ALONE.key in there(store)
    assert call(store, "gc", "--old") == 0 and ALONE.key not in there(store)


def test_gc_removes_what_was_set_aside_and_what_stopped_stages_left_and_not_what_is_being_made(store: Store) -> None:
    store.set_aside("result", RESULT.key)
    (store.root / ".scratch" / "stopped").mkdir(parents=True)
    with store.making("now") as other, store.scratch("now") as scratch:
        assert other is None and call(store, "gc") == 0
        assert scratch.is_dir()
    assert not (store.root / ".scratch" / "stopped").exists()
    assert not list((store.root / DAMAGED / "result").iterdir())


def test_gc_refuses_where_a_record_of_a_run_cannot_be_read(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    (file,) = (store.root / RUNS).glob("*.json")
    flip(file, 40)
    assert call(store, "gc") == MISTAKE and len(there(store)) == 4
    assert "the record of a run cannot be read" in capsys.readouterr().err


def test_no_store_is_made_by_asking_for_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "ls", "--store", str(tmp_path / "none")]) == MISTAKE
    assert "there is no store in" in capsys.readouterr().err and not (tmp_path / "none").exists()
