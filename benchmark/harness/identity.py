"""What determines the questions of a set of tasks, as JSON: it is part of the key of what a policy answers to them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark.core.resources import package_versions

DIGITS = 16


def identity(built: dict[str, Any], include_path: str | None) -> dict[str, Any]:
    """Version of lm-eval; version, settings and local questions of every task, as a hash; members of groups; content of
    all files beside one's own tasks. Data of the hub are named in the settings; their content is not looked at.

    Args:
        built: `tasks` and `groups` by name, lm-eval's objects.
        include_path: folder with one's own tasks.
    """
    tasks, groups = built["tasks"], built.get("groups", {})
    return {
        "lm_eval": package_versions()["lm-eval"],
        "tasks": {name: _digest(_config(task)) for name, task in tasks.items()},
        "groups": {name: list(group.child_names) for name, group in groups.items()},
        "files": _digest(list(_files(Path(include_path)))) if include_path else "",
    }


def _config(task: Any) -> dict[str, Any]:
    """The task's settings, with the source of its functions and the content of local files; where it was read from does
    not count."""
    config = dict(task.dump_config())
    data = dict(config.get("dataset_kwargs") or {})
    config["dataset_kwargs"] = {**data, "data_files": _content(data.get("data_files"))}
    config["metadata"] = {k: v for k, v in (config.get("metadata") or {}).items() if k != "config_source"}
    return {"version": str(task.VERSION), **config}


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            yield str(file.relative_to(folder)), _hash(file)


def _content(named: Any) -> Any:
    """Names of files, in lists or by split, with a hash in the place of each that is on this machine."""
    if isinstance(named, dict):
        return {split: _content(names) for split, names in named.items()}
    if isinstance(named, list):
        return [_content(name) for name in named]
    return _hash(Path(named)) if isinstance(named, str) and Path(named).is_file() else named


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=_named).encode()).hexdigest()[:DIGITS]


def _named(value: Any) -> str:
    """What JSON cannot hold, without an address in memory."""
    return str(getattr(value, "__qualname__", type(value).__name__))


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:DIGITS]
