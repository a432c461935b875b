"""Keys, atomic writes, and what counts as missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmark.core.graph import Stage, missing_stages
from benchmark.core.store import Store, content_key


def make(kind: str, identity: dict, **inputs: Stage) -> Stage:
    return Stage(kind, 1, identity, inputs)


def write(store: Store, stage: Stage, text: str = "content") -> None:
    with store.writing(stage.kind, stage.key, {"seconds": 1.0}) as folder:
        (folder / "file.txt").write_text(text)


def test_a_key_depends_on_content_and_not_on_order():
    assert content_key({"a": 1, "b": [2]}) == content_key({"b": [2], "a": 1})
    assert content_key({"a": 1}) != content_key({"a": 2})


def test_a_stage_is_keyed_by_its_inputs_and_identity_and_not_by_its_arguments():
    policy = make("policy", {"seed": 0})
    same = Stage("policy", 1, {"seed": 0}, arguments={"batch": 8})
    assert policy.key == same.key
    assert make("pairs", {}, policy=policy).key == make("pairs", {}, policy=same).key
    assert make("pairs", {}, policy=policy).key != make("pairs", {}, policy=make("policy", {"seed": 1})).key
    assert Stage("policy", 2, {"seed": 0}).key != policy.key


def test_an_artefact_is_there_as_a_whole_or_not_at_all(tmp_path):
    store, stage = Store(tmp_path), make("policy", {})
    with pytest.raises(RuntimeError), store.writing(stage.kind, stage.key, {}) as folder:
        (folder / "half.txt").write_text("half")
        raise RuntimeError("the stage failed")
    assert not stage.done(store) and not list((tmp_path / ".partial").iterdir())
    write(store, stage)
    assert stage.done(store) and (stage.folder(store) / "file.txt").read_text() == "content"


def test_the_first_of_two_writers_wins(tmp_path):
    store, stage = Store(tmp_path), make("policy", {})
    with store.writing(stage.kind, stage.key, {"seconds": 2.0}) as folder:
        (folder / "file.txt").write_text("second")
        write(store, stage, "first")
    assert (stage.folder(store) / "file.txt").read_text() == "first"


def test_what_a_killed_process_left_is_swept_and_what_lives_is_not(tmp_path):
    store = Store(tmp_path)
    import socket

    dead = tmp_path / ".partial" / f"key-{socket.gethostname()}-{2**22 + 1}-1"
    alive = tmp_path / ".partial" / f"key-{socket.gethostname()}-{os.getpid()}-1"
    dead.mkdir()
    alive.mkdir()
    store.sweep()
    assert alive.exists() and not dead.exists()


def test_only_what_a_missing_result_needs_is_missing(tmp_path):
    store = Store(tmp_path)
    policy = make("policy", {})
    pairs = make("pairs", {}, policy=policy)
    results = [make("result", {"method": name}, pairs=pairs) for name in ("dpo", "kldpo")]
    assert [s.kind for s in missing_stages(results, store)] == ["policy", "pairs", "result", "result"]
    write(store, pairs)
    assert missing_stages(results, store) == results
    write(store, results[0])
    assert missing_stages(results, store) == results[1:]


def test_a_store_that_cannot_be_written_is_a_users_mistake(tmp_path):
    from benchmark.core.errors import UserError

    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        Store(Path(tmp_path / "file"))
