"""Where numbers come from: packages, commit, hardware, command line."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmark.core.graph import KINDS, Stage
from benchmark.core.plugins import fingerprint
from benchmark.core.resources import package_versions
from benchmark.core.store import Store

UNKNOWN = "unknown"  # of an artefact that says nothing of its arithmetic


def provenance() -> dict[str, Any]:
    """JSON that describes this process and machine."""
    return {
        "packages": package_versions(),
        "commit": _commit(),
        "hardware": _hardware(),
        "command": shlex.join(["prefshift", *sys.argv[1:]]),
    }


def code_versions(plugins: Iterable[type[Any]]) -> dict[str, Any]:
    """The versions of all stages, and what stands for the code of the plug-ins that a run used."""
    named = {f"{cls.registry.package}.{cls.name}": fingerprint(cls) for cls in plugins}
    stages = {name: kind.version for name, kind in KINDS.items()}
    return {"stages": dict(sorted(stages.items())), "plugins": dict(sorted(named.items()))}


def arithmetics(wanted: Iterable[Stage], store: Store) -> list[dict[str, Any]]:
    """With which arithmetics the finished stages were made, and what they are made from: what the artefacts' metas say,
    the one of most stages first, each with the number of its `stages`. An artefact without a record counts as one of
    fingerprint `unknown`."""
    stages: dict[str, Stage] = {}

    def visit(node: Stage) -> None:
        if node.key not in stages:
            stages[node.key] = node
            for parent in node.inputs.values():
                visit(parent)

    for node in wanted:
        visit(node)
    found: dict[str, dict[str, Any]] = {}
    for node in stages.values():
        if node.done(store):
            made = store.meta(node.kind, node.key).get("numerics", {"fingerprint": UNKNOWN})
            count = found.get(made["fingerprint"], {}).get("stages", 0)
            found[made["fingerprint"]] = {**made, "stages": count + 1}
    return sorted(found.values(), key=lambda one: (-one["stages"], one["fingerprint"]))


def _commit() -> str:
    here = Path(__file__).resolve().parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown (not a git checkout)"


def _hardware() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "gpus": _gpus(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _gpus() -> list[str]:
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    except (OSError, subprocess.CalledProcessError):
        return []
