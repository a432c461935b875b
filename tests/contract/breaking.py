"""Notes which check a deliberately broken plug-in breaks."""

from __future__ import annotations

from benchmark.suites.common import AnySuite
from methods import Method
from shifts import Shift

BROKEN_METHODS: dict[str, list[type[Method]]] = {}
BROKEN_SHIFTS: dict[str, list[type[Shift]]] = {}
BROKEN_SUITES: list[tuple[str, type[AnySuite]]] = []


def breaks(check):
    """Note which check a class breaks, and take it off the registry, where other tests would meet it."""

    def note(cls):
        unregistered(cls)
        if issubclass(cls, AnySuite):
            BROKEN_SUITES.append((check, cls))
        else:
            (BROKEN_SHIFTS if issubclass(cls, Shift) else BROKEN_METHODS).setdefault(check, []).append(cls)
        return cls

    return note


def unregistered(cls):
    """Take a class off the registry, where other tests would meet it."""
    del cls.registry._classes[cls.name]
    return cls
