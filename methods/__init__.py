"""Methods: log-probabilities in, losses and weights out. Drop a file in here and its classes are registered."""

from benchmark.core.errors import UserError
from benchmark.core.hyperparameters import choice, hyperparameter, log_uniform, non_negative, uniform
from methods.base import Coupling, Method, PairBatch, PairwiseMethod, Role, Solver, TrainingJob

__all__ = [
    "Coupling",
    "Method",
    "PairBatch",
    "PairwiseMethod",
    "Role",
    "Solver",
    "TrainingJob",
    "UserError",
    "choice",
    "hyperparameter",
    "log_uniform",
    "non_negative",
    "uniform",
]
