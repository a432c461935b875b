"""What a piece of work amounts to, whatever the machine, so that its time can be estimated from other sizes."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass


@dataclass(frozen=True)
class Work:
    """An amount of work; amounts add up, and a number of times the same work is a product.

    flops: floating-point operations of a model, on the device. passes: passes of a batch through one layer, each of
    which costs its start whatever the size of the batch. host_seconds: what one core does beside, in rough seconds.
    bytes: what is written.
    """

    flops: float = 0.0
    passes: float = 0.0
    host_seconds: float = 0.0
    bytes: float = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __mul__(self, times: float) -> Work:
        return Work(*(times * amount for amount in astuple(self)))

    __rmul__ = __mul__

    def record(self) -> dict[str, float]:
        """The amounts by name, for an artefact's meta."""
        return asdict(self)
