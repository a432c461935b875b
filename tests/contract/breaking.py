"""Notes which check a deliberately broken plug-in breaks."""

from __future__ import annotations

from methods import Method
from shifts import Shift

BROKEN_METHODS: dict[str, list[type[Method]]] = {}
BROKEN_SHIFTS: dict[str, list[type[Shift]]] = {}


def breaks(check):
    """Note which check a class breaks, and take it off the registry, where other tests would meet it."""

    def note(cls):
        del cls.registry._classes[cls.name]
        (BROKEN_SHIFTS if issubclass(cls, Shift) else BROKEN_METHODS).setdefault(check, []).append(cls)
        return cls

    return note
