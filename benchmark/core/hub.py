"""Where models and data sets are found: in a folder, in a mirror of the hub on this machine, or on the hub."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.core.errors import UserError

MIRROR = "PREFSHIFT_HUB_MIRROR"  # in the environment, so that worker processes look there too
OFFLINE = "HF_HUB_OFFLINE"  # of huggingface_hub, likewise

Kind = Literal["model", "dataset"]


@dataclass(frozen=True)
class Needed:
    """Something that a run reads: a hub id or a path, of a model or of a data set, and the setting that names it."""

    source: str
    kind: Kind
    setting: str


def use_mirror(folder: Path | None) -> None:
    """From now on a hub id ORG/NAME is first looked for in `folder`/ORG/NAME, here and in the processes that start.

    Raises:
        UserError: `folder` is not there.
    """
    if folder is None:
        os.environ.pop(MIRROR, None)
        return
    if not folder.is_dir():
        raise UserError(f"hub.mirror: {str(folder)!r} is not a folder. It holds models and data sets as ORG/NAME.")
    os.environ[MIRROR] = str(folder.resolve())


def located(source: Path | str) -> Path | None:
    """The folder of a source: itself, or that of a hub id in the mirror; None where only the hub can have it."""
    if Path(source).is_dir():
        return Path(source).resolve()
    mirror = os.environ.get(MIRROR)
    if mirror and not Path(source).is_absolute() and ".." not in Path(source).parts:
        inside = Path(mirror) / source
        if inside.is_dir():
            return inside
    return None


def dataset_source(identifier: str, revision: str | None) -> dict[str, Any]:
    """What `datasets.load_dataset` takes for a data set of the hub: its mirrored folder, else its id and revision."""
    folder = located(identifier)
    return {"path": identifier, "revision": revision} if folder is None else {"path": str(folder)}


def offline() -> bool:
    """Whether the hub must not be called."""
    return os.environ.get(OFFLINE, "").upper() in {"1", "ON", "YES", "TRUE"}


def check_offline(needed: Iterable[Needed]) -> None:
    """Raise a UserError that lists all that a run needs and this machine does not have; says nothing where the hub may
    be called."""
    missing = [item for item in dict.fromkeys(needed) if not _here(item)] if offline() else []
    if missing:
        lines = "".join(f"\n  {item.kind} {item.source!r} ({item.setting})" for item in missing)
        raise UserError(
            f"offline, and not on this machine:{lines}\nRun once without --offline, or serve them from a folder that "
            "holds them as ORG/NAME: --set hub.mirror=DIR."
        )


def refusal(error: BaseException) -> str:
    """Why the hub did not hand something out, on one line, with what to do where access has to be asked for."""
    from huggingface_hub.errors import GatedRepoError

    causes = [error]
    while (inner := causes[-1].__cause__ or causes[-1].__context__) is not None and len(causes) < 10:
        causes.append(inner)
    if any(isinstance(cause, GatedRepoError) for cause in causes):
        return (
            "access to it has to be asked for. Accept its terms on its page of the hub, and give a token of that "
            "account: HF_TOKEN in the environment, or `hf auth login`."
        )
    return f"{type(error).__name__}: {error}".strip().split("\n", 1)[0]


def _here(item: Needed) -> bool:
    """Whether a source is a path of this machine, in the mirror, or in the hub's cache."""
    if Path(item.source).exists() or located(item.source) is not None:
        return True
    from huggingface_hub import snapshot_download

    try:
        snapshot_download(item.source, repo_type=item.kind, local_files_only=True)
    except Exception:  # the client raises several unrelated types for "not there" and for "no hub id"
        return item.kind == "dataset" and _prepared(item.source)
    return True


def _prepared(identifier: str) -> bool:
    """Whether the library of data sets holds a prepared copy."""
    from datasets import config

    return (Path(config.HF_DATASETS_CACHE) / identifier.replace("/", "___")).is_dir()
