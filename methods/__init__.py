"""Methods: log-probabilities in, losses and weights out. Drop a file in here and its classes are registered."""

from benchmark.hyperparameters import choice, hyperparameter, log_uniform, non_negative, uniform
from methods.base import Coupling, Method, PairBatch, PairwiseMethod, Role, Solver, TrainingJob

__all__ = [
    "Coupling",
    "Method",
    "PairBatch",
    "PairwiseMethod",
    "Role",
    "Solver",
    "TrainingJob",
    "choice",
    "hyperparameter",
    "log_uniform",
    "non_negative",
    "uniform",
]
