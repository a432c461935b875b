"""Rough speeds of devices: they turn an amount of work into a first guess of its seconds."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.core.work import Work

CPU = "cpu"
LEAST = 1e-4  # seconds of any stage


@dataclass(frozen=True)
class Device:
    """One worker's device. flops: per second, as models of this kind reach them (float32). pass_seconds: what starting
    one layer on one batch takes. assumed: whether these are numbers of another device, for want of its own."""

    name: str
    flops: float
    pass_seconds: float
    assumed: bool = False

    def __str__(self) -> str:
        named = "one core" if self.name == CPU else self.name
        return f"{self.flops / 1e9:,.0f} GFLOP/s on {named}{', assumed' if self.assumed else ''}"

    def share(self, work: Work) -> float:
        """The part of the first guess that a model on the device makes, 0 to 1."""
        return 1 - work.host_seconds / self.seconds(work)

    def seconds(self, work: Work) -> float:
        """A first guess, before anything was measured; above 0."""
        return max(LEAST, work.flops / self.flops + work.passes * self.pass_seconds + work.host_seconds)


ONE_CORE = Device(CPU, 4e10, 4e-4)
CARDS = {  # about half of each card's float32 peak; by a part of its name
    "H200": 3e13,
    "H100": 3e13,
    "A100": 1e13,
    "L40": 3e13,
    "4090": 3e13,
    "A10": 1e13,
    "L4": 1e13,
    "V100": 7e12,
    "T4": 3e12,
}
STATED_CARD = 1e13  # of a card that is not in the table
CARD_PASS_SECONDS = 2e-4


def device(name: str) -> Device:
    """The device named as `benchmark.core.resources.device_name` names it: `cpu`, or a card's name."""
    if name == CPU:
        return ONE_CORE
    known = next((flops for part, flops in CARDS.items() if part in name.upper()), None)
    return Device(name, known or STATED_CARD, CARD_PASS_SECONDS, assumed=known is None)
