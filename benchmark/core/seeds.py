"""Seeds derived by hashing names, so that adding a method or a shift changes no other number."""

from __future__ import annotations

import hashlib

import numpy as np


def derive_seed(*names: object) -> int:
    """A seed in [0, 2**31) that depends on `names` and on nothing else.

    Names are joined by their `str`; the same names give the same seed on every machine and Python version.
    """
    text = "\x1f".join(str(name) for name in names)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 2**31


def generator(*names: object) -> np.random.Generator:
    """A numpy generator seeded by `derive_seed(*names)`."""
    return np.random.default_rng(derive_seed(*names))
