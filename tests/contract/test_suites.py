"""Suites under the contract: the registered ones hold it, and every check catches a suite that breaks its promise."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli import main
from benchmark.contract.check import Outcome
from benchmark.contract.runner import run_check, run_checks
from benchmark.contract.suite import checks_for
from benchmark.contract.text_suites import RESERVED
from benchmark.contract.worlds import Worlds, changed_settings
from benchmark.core.errors import UserError
from benchmark.pipeline.kinds import read_config
from benchmark.pipeline.text.stages.answers import rows_of
from benchmark.policies.answers import AnswerRows
from benchmark.suites.analytic import AnalyticSuite
from benchmark.suites.base import Suite
from tests import chat_models
from tests.suites.emotion_texts import write_texts

from . import (  # noqa: F401  which note what they break
    broken_answer_suites,
    broken_labelled_suites,
    broken_other_suites,
    broken_suites,
)
from .breaking import BROKEN_SUITES
from .tiny_suites import SMALL, TinyAnalytic, TinyAnswers, TinyGenerated, TinyLabelled, TinySettings, subject_of

ROOT = Path(__file__).resolve().parents[2]
TINY = (TinyAnswers, TinyLabelled, TinyGenerated, TinyAnalytic)
POLICY = [f"suite.scratch={json.dumps(SMALL.model_dump())}"]
GRAMMAR = {
    "policy_sentences": 128, "policy_width": 32, "policy_heads": 1, "policy_layers": 1, "policy_feed_forward": 32,
    "reward_sentences": 400, "reward_epochs": 1, "train_prompts": 40, "validation_prompts": 20, "test_prompts": 20,
}  # fmt: skip
PREFERENCES = ROOT / "examples" / "preferences.jsonl"
TOY = ["suite.epochs=6", "suite.points=2"]
LOGLINEAR = ["suite.smallest=16", "suite.largest=64", "suite.draws=1"]


def check_named(subject, name):
    (check,) = [check for check in checks_for(subject) if check.name == name]
    return check


def failures(subject):
    """The checks that fail, each in a line; at least one has to pass."""
    results = list(run_checks(checks_for(subject), subject))
    assert any(result.outcome is Outcome.PASS for result in results)
    return [f"{r.check.name}: expected {r.expected}, got {r.got}" for r in results if r.outcome is Outcome.FAIL]


@pytest.fixture(scope="module")
def policies():
    """The policies of the tiny suites, built once."""
    subjects = {cls.build_policy: subject_of(cls) for cls in (TinyAnswers, TinyLabelled, TinyGenerated)}
    with pytest.MonkeyPatch.context() as patch:
        for subject in subjects.values():
            patch.setitem(Suite.registry._classes, subject.cls.name, subject.cls)
            _ = subject.policy
    return subjects  # with their folders, which live as long as they do


@pytest.fixture
def make(monkeypatch, policies):
    """A subject of a class that is registered for one test; a policy that is built as a tiny suite's is that one."""

    def subject(cls):
        monkeypatch.setitem(cls.registry._classes, cls.name, cls)
        found = subject_of(cls)
        tiny = policies.get(getattr(cls, "build_policy", None))
        if tiny is not None and "questions" not in cls.__dict__:  # which tiny_answers builds its policy from
            found.__dict__["policy"] = tiny.policy
        return found

    return subject


@pytest.mark.parametrize("cls", TINY, ids=[cls.name for cls in TINY])
def test_the_tiny_suites_hold_the_contract(cls, make):
    assert not failures(make(cls))


IDS = [f"{check}-{cls.name}" for check, cls in BROKEN_SUITES]


@pytest.mark.parametrize(("check", "cls"), BROKEN_SUITES, ids=IDS)
def test_a_broken_suite_is_caught_by_the_check_that_is_about_it(check, cls, make):
    subject = make(cls)
    result = run_check(check_named(subject, check), subject)
    assert result.outcome is Outcome.FAIL and result.got and result.change
    assert result.expected != "no error", result.got  # the promise fails, not the fixture


@pytest.mark.parametrize("cls", TINY, ids=[cls.name for cls in TINY])
def test_every_check_of_a_suite_can_fail_and_says_what_to_change(cls, make):
    checks = checks_for(make(cls))
    assert {check.name for check in checks} <= {check for check, _ in BROKEN_SUITES}
    assert all(check.change for check in checks)


@pytest.mark.parametrize("cls", TINY, ids=[cls.name for cls in TINY])
def test_cheap_checks_come_first(cls, make):
    slow = [check.slow for check in checks_for(make(cls))]
    assert slow == sorted(slow) and any(slow)


def test_a_setting_that_is_read_and_changes_nothing_need_not_be_named(make):
    """Rewards are no part of what the policy learns to write, though both stand in the questions."""
    subject = make(TinyAnswers)
    assert "strength" in subject.policy.read
    assert run_check(check_named(subject, "policy settings"), subject).detail == "scratch"


def test_settings_that_the_suite_refuses_are_not_tried(make, monkeypatch):
    def refuse(suite):
        if suite.settings.pairs != TinySettings().pairs:
            raise UserError("no other number of pairs works")

    subject = make(TinyAnswers)
    assert "pairs" in {name for name, _ in subject.altered()}
    monkeypatch.setattr(TinyAnswers, "check", refuse)
    assert "pairs" not in {name for name, _ in subject.altered()}


def test_names_that_samples_have_are_reserved():
    suite = TinyAnswers(TinySettings())
    asked = suite.questions("test")
    even, tokens = [np.log([0.5, 0.5])] * len(asked), AnswerRows([[5]] * len(asked), [[[6], [7]]] * len(asked))
    columns = rows_of(suite, asked, tokens, even, even, "test", 0).keys()
    assert {name for name in columns if not name.endswith(suite.objectives)} <= RESERVED


def test_settings_near_by_are_legal_and_differ_in_one_place():
    plain = TinySettings().model_dump()
    found = list(changed_settings(TinySettings()))
    assert {"strength", "pairs", "scratch.schedule"} < {name for name, _ in found}
    for name, settings in found:
        different = {key for key, value in settings.model_dump().items() if value != plain[key]}
        assert different == {name.partition(".")[0]}
    assert TinySettings().pairs - 1 in [settings.pairs for name, settings in found if name == "pairs"]


@pytest.fixture(scope="module")
def opinions_file(tmp_path_factory):
    """Eighty questions to two groups; a third was put to one alone, and a third group was asked few."""
    file = tmp_path_factory.mktemp("survey") / "survey.jsonl"
    rows = []
    for number in range(80):
        selections = {"a": [0.8, 0.15, 0.05]} | ({"b": [0.1, 0.8, 0.1]} if number % 3 else {})
        selections |= {"c": [0.3, 0.3, 0.4]} if number % 4 == 1 else {}
        question = f"Do you like plan {number}?"
        rows.append({"question": question, "options": ["Yes", "No", "Do not know"], "selections": selections})
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


@pytest.fixture(scope="module")
def settings(opinions_file, tmp_path_factory):
    """What makes the registered suites small, and gives them data, by name; a suite that is not here has none."""
    texts = write_texts(tmp_path_factory.mktemp("emotion"))
    counts = ["suite.train_prompts=40", "suite.validation_prompts=20", "suite.test_prompts=12"]
    return {
        "grammar": [f"suite.{key}={value}" for key, value in GRAMMAR.items()],
        "emotion": [
            f"suite.data_dir={texts}",
            "suite.policy=scratch",
            "suite.scratch.vocabulary=120",
            *POLICY,
            *counts,
        ],
        "opinions": [f"suite.data_file={opinions_file}", *POLICY],
        "preferences": [f"suite.data_file={PREFERENCES}", *POLICY],
        "reward_models": _chat_models(tmp_path_factory.mktemp("models")),
        "toy_3d": TOY,
        "loglinear": LOGLINEAR,
    }


def _chat_models(folder):
    """A small policy, two reward models and a judge in the formats of real ones, and prompts for them."""
    chat_models.gpt2_policy(folder / "policy")
    for seed, name in enumerate(("kind", "honest", "judge")):
        chat_models.gpt2_reward(folder / name, seed)
    random = np.random.default_rng(0)
    rows = [" ".join(random.choice(chat_models.WORDS, random.integers(2, 8))) for _ in range(120)]
    (folder / "prompts.jsonl").write_text("\n".join(json.dumps({"prompt": row}) for row in rows))
    pair = {name: {"model": str(folder / name), "format": "pair"} for name in ("kind", "honest", "judge")}
    prompts = {"source": str(folder / "prompts.jsonl"), "column": "prompt", "dialogue": False, "test": None}
    return [
        f"suite.objectives={json.dumps({name: pair[name] for name in ('kind', 'honest')})}",
        f"suite.gold={json.dumps({'kind': pair['judge']})}",
        f"suite.policy={folder / 'policy'}",
        f"suite.prompts={json.dumps(prompts)}",
        f"suite.template={json.dumps('Human: {prompt} Assistant:')}",
        *(f"suite.{split}_prompts={count}" for split, count in (("train", 32), ("validation", 8), ("test", 8))),
        "suite.statistics_prompts=32",
        "suite.max_new_tokens=8",
    ]


REGISTERED = [cls.name for family in (Suite, AnalyticSuite) for cls in family.registry.all()]


@pytest.mark.slow
@pytest.mark.parametrize("name", REGISTERED)
def test_every_registered_suite_holds_the_contract(name, settings):
    (cls,) = [cls for family in (Suite, AnalyticSuite) for cls in family.registry.all() if cls.name == name]
    assert name in settings, f"give {name} small settings, and data where it needs some"
    assert not failures(Worlds(read_config, tuple(settings[name])).named(cls))


def test_a_suite_without_its_data_says_what_is_missing(capsys):
    assert main(["check", "opinions", "--set", "suite.data_file=nowhere.jsonl"]) == 2
    error = capsys.readouterr().err
    assert "nowhere.jsonl" in error and "--set suite.KEY=VALUE" in error and "Traceback" not in error


def test_among_all_suites_one_without_its_data_is_skipped_with_its_reason(opinions_file):
    settings = (f"suite.data_file={opinions_file.with_name('nowhere.jsonl')}",)
    subject = Worlds(read_config, settings).one_of_all(Suite.registry.get("opinions"))
    results = list(run_checks(checks_for(subject), subject))
    assert {result.outcome for result in results if result.check.name == "questions"} == {Outcome.SKIP}
    assert not [result for result in results if result.outcome is Outcome.FAIL]
    assert "nowhere.jsonl" in next(result.detail for result in results if result.check.name == "policy")


MISTAKES = [
    (["check", "toy_3d(epochs=3)"], "--set suite.KEY=VALUE"),
    (["check", "toy_3d", "--set", "suite.epoch=3"], "Did you mean 'suite.epochs'"),
    (["check", "toy_4d"], "Did you mean 'toy_3d'"),
    (["check", "dpo", "--set", "suite.epochs=3"], "dpo is none"),
    (["check", "--all", "--set", "suite.epochs=3"], "one suite"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(a) for a, _ in MISTAKES])
def test_a_mistake_is_one_message_and_status_2(arguments, message, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err and "Traceback" not in printed.err


def test_an_analytic_suite_is_checked_by_its_name(capsys):
    assert main(["check", "toy_3d", *(part for setting in TOY for part in ("--set", setting))]) == 0
    assert "repeatable" in capsys.readouterr().out
