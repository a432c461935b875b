"""Artefacts on their way between stores that share no disk: a folder as bytes, and back."""

from __future__ import annotations

import io
import tarfile

from benchmark.core.store import Store


def packed(store: Store, kind: str, key: str) -> bytes:
    """The artefact as an uncompressed archive; its tables and weights are compressed or incompressible already."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(store.path(kind, key), arcname=".")
    return buffer.getvalue()


def unpack(store: Store, kind: str, key: str, data: bytes) -> None:
    """Put an artefact into the store, unless it is there."""
    if store.has(kind, key):
        return
    with store.receiving(kind, key) as folder, tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(folder, filter="data")
