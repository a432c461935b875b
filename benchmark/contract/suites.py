"""What every suite must hold to, whatever its kind."""

from __future__ import annotations

import re

from benchmark.contract.check import Broken, Check, expect
from benchmark.contract.worlds import SMOKE, SuiteSubject
from benchmark.core.errors import UserError
from benchmark.core.settings import Section, checked
from benchmark.suites.analytic import AnalyticSuite
from benchmark.suites.base import Suite
from benchmark.suites.common import SuiteSettings
from benchmark.suites.presets import presets_of
from methods import Method
from methods.base import parse_method
from shifts import Shift

NAME = re.compile(r"[a-z][a-z0-9_]*")


def name(subject: SuiteSubject) -> str:
    """The name is lower-case letters, digits and underscores, and no method, shift or suite of another kind has it."""
    own = subject.cls.name
    expect(NAME.fullmatch(own), "a name of lower-case letters, digits and underscores", repr(own))
    families = (Method.registry, Shift.registry, Suite.registry, AnalyticSuite.registry)
    others = [cls for registry in families for cls in registry.all() if cls.name == own and cls is not subject.cls]
    taken = " and ".join(f"the {cls.registry.kind} {cls.__qualname__}" for cls in others)
    expect(not others, "a name of its own", f"{own!r}, the name of {taken}")
    return own


def documented(subject: SuiteSubject) -> str:
    """Suite and settings have docstrings, and every setting a description; a section of settings, its docstring."""
    for cls in (subject.cls, subject.cls.Settings):
        expect(cls.__dict__.get("__doc__"), f"a docstring of {cls.__name__}", "none")
    silent = [
        key
        for key, field in subject.cls.Settings.model_fields.items()
        if not (field.description or isinstance(field.default, Section))
    ]
    expect(not silent, "a description of every setting", f"none of {', '.join(f'suite.{key}' for key in silent)}")
    return f"{len(subject.cls.Settings.model_fields)} settings"


def presets(subject: SuiteSubject) -> str:
    """There is a preset `smoke`, and every preset can be read, methods included."""
    known = presets_of(subject.cls)
    expect(SMOKE in known, f"a preset {SMOKE}", ", ".join(known) or "no preset")
    for preset in known:
        try:
            for call in subject.configuration(preset).methods:
                parse_method(call)
        except UserError as error:
            raise Broken(f"a preset {preset} that can be read", f"UserError: {error}") from error
    return ", ".join(known)


def settings(subject: SuiteSubject) -> str:
    """Settings refuse a key that they do not have, and JSON gives them back as they were."""
    cls = subject.cls.Settings
    expect(issubclass(cls, SuiteSettings), "Settings that subclass SuiteSettings", f"{cls.__name__} of {cls.__bases__}")
    own = subject.suite.settings
    back = cls.model_validate_json(own.model_dump_json())
    expect(back == own, f"settings that JSON gives back as {own!r}", repr(back))
    try:
        checked(cls, {**own.model_dump(), "no_such_setting": 1})
    except UserError:
        return ""
    raise Broken("an unknown key to raise a UserError", "no error")


def describe(subject: SuiteSubject) -> str:
    """`describe` gives the reader facts in words, the same for the same settings."""
    facts = subject.suite.describe()
    words = isinstance(facts, dict) and all(
        isinstance(text, str) and text.strip() for pair in facts.items() for text in pair
    )
    expect(facts and words, "a dict of facts, each a heading and words", repr(facts))
    again = subject.make().describe()
    expect(again == facts, f"the same facts from another object: {facts}", str(again))
    return ", ".join(facts)


def skipping(subject: SuiteSubject) -> str:
    """`skip` answers None or a reason for every method, and the preset `smoke` trains one."""
    reasons = {cls.name: subject.suite.skip(cls.make()) for cls in Method.registry.all()}
    for called, reason in reasons.items():
        words = reason is None or (isinstance(reason, str) and reason.strip())
        expect(words, f"skip({called}) to be None or a reason in words", repr(reason))
    run = [parse_method(call) for call in subject.configuration(SMOKE).methods]
    trained = [method for method in run if method.trains and subject.suite.skip(method) is None]
    expect(trained, f"a method of preset {SMOKE} that trains and is not skipped", f"{[method.name for method in run]}")
    return f"{sum(reason is not None for reason in reasons.values())} of {len(reasons)} methods skipped"


CHECKS = (
    Check("name", name, "Choose another `name`."),
    Check(
        "documented",
        documented,
        'Write docstrings, and give every setting Field(..., description="..."): `describe` shows both.',
    ),
    Check(
        "presets",
        presets,
        'Write `presets = {"smoke": {"methods": [...], ...}, ...}` in the class, or a folder presets/ with smoke.yaml '
        "beside the __init__.py of its package; keys are those of --set.",
    ),
    Check(
        "settings",
        settings,
        "Let Settings subclass SuiteSettings, and give fields types that JSON has.",
        after=("presets",),
    ),
    Check("describe", describe, "Return a dict of texts, made from the settings alone.", after=("presets",)),
    Check(
        "skip",
        skipping,
        "Let skip(method) return None or a sentence; name methods in the preset that the suite can train.",
        after=("presets",),
    ),
)
