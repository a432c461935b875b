"""Shift generators: reward vectors in, utilities and labels out. Drop a file in here and its classes are registered.

All that a shift's author needs is here.
"""

from benchmark.core.calls import grid
from benchmark.core.errors import UserError, unknown
from benchmark.core.hyperparameters import check_names, choice, hyperparameter, log_uniform, non_negative, uniform
from benchmark.core.seeds import generator
from shifts.base import LENGTH, TIME, Array, Rewards, Shift, Utility

__all__ = [
    "LENGTH",
    "TIME",
    "Array",
    "Rewards",
    "Shift",
    "UserError",
    "Utility",
    "check_names",
    "choice",
    "generator",
    "grid",
    "hyperparameter",
    "log_uniform",
    "non_negative",
    "uniform",
    "unknown",
]
