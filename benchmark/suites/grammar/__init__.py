"""The embedded suite: a small world of emotional sentences whose truth is known exactly."""

from benchmark.suites.grammar.suite import GrammarSettings, GrammarSuite

__all__ = ["GrammarSettings", "GrammarSuite"]
