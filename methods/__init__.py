"""Methods: log-probabilities in, losses and weights out. Drop a file in here and its classes are registered."""

from benchmark.hyperparameters import choice, hyperparameter, log_uniform, non_negative, uniform
from methods.base import Method, PairBatch, PairwiseMethod, Role, TrainingJob

__all__ = [
    "Method",
    "PairBatch",
    "PairwiseMethod",
    "Role",
    "TrainingJob",
    "choice",
    "hyperparameter",
    "log_uniform",
    "non_negative",
    "uniform",
]
