"""The suite `preferences`: any set of pairs that people labelled, its shift the mix of the groups that labelled."""

from benchmark.suites.preferences.suite import PreferencesSuite

__all__ = ["PreferencesSuite"]
