"""What decides what a run of an analytic suite computes."""

from __future__ import annotations

from pydantic import Field

from benchmark.pipeline.config import RunConfig, suite_with_settings
from benchmark.suites.analytic import AnalyticSuite


class AnalyticConfig(RunConfig):
    """The settings of a run of an analytic suite."""

    seeds: int = Field(5, gt=0, description="seeds 0, 1, ... of world and data")

    def make_suite(self) -> AnalyticSuite:
        """The suite with its settings; what cannot work is a UserError."""
        suite: AnalyticSuite = suite_with_settings(AnalyticSuite.registry, self)
        return suite
