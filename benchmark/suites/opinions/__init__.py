"""The suite `opinions`: survey questions, answered by groups of people who disagree."""

from benchmark.suites.opinions.suite import OpinionsSuite

__all__ = ["OpinionsSuite"]
