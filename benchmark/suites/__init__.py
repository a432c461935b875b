"""Suites: worlds in which methods are compared. All that a suite's author needs is here."""

from benchmark.core.data import Bools, Floats, Prompts
from benchmark.core.errors import UserError, unknown
from benchmark.core.graph import Progress
from benchmark.core.seeds import derive_seed, generator
from benchmark.core.settings import Section
from benchmark.core.work import Work
from benchmark.policies.sizes import PolicySize
from benchmark.report import Study
from benchmark.suites.analytic import AnalyticSuite, Record
from benchmark.suites.answers import AnswerSuite, Questions
from benchmark.suites.base import Split
from benchmark.suites.common import SuiteSettings
from benchmark.suites.generated import GeneratedSuite, Scores
from benchmark.suites.labelled import HeldOutPairs, LabelledSuite, Labels
from benchmark.suites.policy_settings import FineTuneSettings, ScratchSettings
from benchmark.suites.scratch import Tokens, train_scratch
from benchmark.suites.sizes import Built, TextSizes
from benchmark.suites.sources import content_of, source_spec

__all__ = [
    "AnalyticSuite",
    "AnswerSuite",
    "Bools",
    "Built",
    "FineTuneSettings",
    "Floats",
    "GeneratedSuite",
    "HeldOutPairs",
    "LabelledSuite",
    "Labels",
    "PolicySize",
    "Progress",
    "Prompts",
    "Questions",
    "Record",
    "Scores",
    "ScratchSettings",
    "Section",
    "Split",
    "Study",
    "SuiteSettings",
    "TextSizes",
    "Tokens",
    "UserError",
    "Work",
    "content_of",
    "derive_seed",
    "generator",
    "source_spec",
    "train_scratch",
    "unknown",
]
