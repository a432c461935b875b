"""Shift generators: reward vectors in, utilities and labels out. Drop a file in here and its classes are registered."""

from shifts.base import Array, Rewards, Shift

__all__ = ["Array", "Rewards", "Shift"]
