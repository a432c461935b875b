"""Log-linear policies, for which theorems say how fast an estimate converges to its population optimum."""

from benchmark.studies.loglinear.study import LogLinear

__all__ = ["LogLinear"]
