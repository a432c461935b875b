"""The whole contract over some methods, shifts and suites, and how it is shown."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from benchmark.contract import families, labels, plugin, shifts, suites, text_suites
from benchmark.contract.check import Check, NotApplicable, Outcome, Result
from benchmark.contract.runner import run_checks
from benchmark.contract.subjects import (
    MethodSubject,
    ShiftSubject,
    Subject,
    broken_files,
    class_of,
    every_subject,
    location,
    subjects_of,
    title_of,
)
from benchmark.contract.worlds import SuiteSubject, Worlds
from benchmark.core.broken import Broken
from benchmark.core.errors import UserError
from benchmark.suites.answers import AnswerSuite
from benchmark.suites.base import Suite
from benchmark.suites.generated import GeneratedSuite
from benchmark.suites.labelled import LabelledSuite
from methods import PairwiseMethod

if TYPE_CHECKING:
    from benchmark.contract.lab import Lab

STYLES = {Outcome.PASS: "green", Outcome.FAIL: "bold red", Outcome.SKIP: "dim", Outcome.HELD_BACK: "yellow"}
LABELS = {Outcome.PASS: "pass", Outcome.FAIL: "FAIL", Outcome.SKIP: "skipped", Outcome.HELD_BACK: "not run"}


def checks_for(subject: Subject) -> Sequence[Check]:
    """The promises that a subject must hold to."""
    if isinstance(subject, ShiftSubject):
        return (*shifts.CHECKS, *labels.CHECKS, *families.CHECKS)
    if isinstance(subject, SuiteSubject):
        return (*suites.CHECKS, *_checks_of_kind(subject))
    from benchmark.contract import batch, formula, training, weighing  # the trainer takes seconds to import

    if isinstance(subject.method, PairwiseMethod):
        rooms = (plugin, formula, weighing, batch, training)
        return (*(check for room in rooms for check in room.CHECKS), *training.ALL_METHODS)
    return (*plugin.CHECKS, Check("formula", _no_formula), *training.ALL_METHODS)


def _checks_of_kind(subject: SuiteSubject) -> Sequence[Check]:
    """What the kind of a suite promises: the cheap ones first, then those that build something."""
    if not issubclass(subject.cls, Suite):
        from benchmark.contract import analytic_suites

        return analytic_suites.CHECKS
    quick: Sequence[Check] = ()
    slow: Sequence[Check] = ()
    if issubclass(subject.cls, AnswerSuite):
        from benchmark.contract import answer_suites

        quick, slow = answer_suites.CHECKS, answer_suites.SLOW_CHECKS
    elif issubclass(subject.cls, LabelledSuite):
        from benchmark.contract import labelled_suites

        quick = labelled_suites.CHECKS
    elif issubclass(subject.cls, GeneratedSuite):
        from benchmark.contract import generated_suites

        slow = generated_suites.CHECKS
    return (*text_suites.CHECKS, *quick, *text_suites.POLICY_CHECKS, *slow)


def _no_formula(subject: MethodSubject) -> str:
    """The checks of formula, batch and resumption."""
    raise NotApplicable("the method is no formula over pairs: it brings its own training")


def start_workers(subjects: Sequence[Subject]) -> None:
    """Begin with the steps on two workers for all pairwise methods at once: starting takes longer than the steps."""
    pairwise = [one for one in subjects if isinstance(one, MethodSubject) and isinstance(one.method, PairwiseMethod)]
    if pairwise:
        calls = [str(form) for one in pairwise for form in one.forms()]
        files = [Path(inspect.getfile(type(one.method))) for one in pairwise if _is_plugin_file(one)]
        pairwise[0].lab.workers.start(calls, list(dict.fromkeys(files)))


def _is_plugin_file(subject: MethodSubject) -> bool:
    return type(subject.method).__module__.startswith("prefshift_plugin_")


class LabOnDemand:
    """The tiny world in which methods train, made where a check first asks for it: shifts need none."""

    def __init__(self) -> None:
        self._lab: Lab | None = None

    def __call__(self) -> Lab:
        """The world, the same at every call."""
        if self._lab is None:
            from transformers.utils import logging

            from benchmark.contract.lab import Lab

            logging.set_verbosity_error()
            logging.disable_progress_bar()
            self._lab = Lab()
        return self._lab

    def close(self) -> None:
        """Remove it, where it was made."""
        if self._lab is not None:
            self._lab.close()


def check(name: str | None, worlds: Worlds) -> bool:
    """Run the contract and print a line per check; whether all of it holds.

    Args:
        name: a method, shift or suite, a call such as `kldpo(tau=0.3)`, or a file `FILE.py`; None: all that are
            registered.
        worlds: how suites are made, with the settings that were given for one.

    Raises:
        UserError: the name or a value is unknown, the file is not there or defines nothing, or a suite lacks a setting.
    """
    lab = LabOnDemand()
    if worlds.settings and name is None:
        raise UserError("--set gives settings of one suite: name it in the place of --all.")
    subjects = every_subject(lab, worlds) if name is None else subjects_of(name, lab, worlds)
    if worlds.settings and not any(isinstance(subject, SuiteSubject) for subject in subjects):
        raise UserError(f"--set gives settings of a suite, and {name} is none.")
    console = Console(highlight=False)
    start_workers(subjects)
    try:
        held = [show(subject, run_checks(checks_for(subject), subject), console) for subject in subjects]
    finally:
        lab.close()
    return all([*held, *(_show_broken(one, console) for one in (broken_files() if name is None else ()))])


def _show_broken(broken: Broken, console: Console) -> bool:
    """Print what cannot even be imported; it holds nothing."""
    console.print(f"[bold]{escape(broken.source)}[/bold]", soft_wrap=True)
    word = f"[{STYLES[Outcome.FAIL]}]{LABELS[Outcome.FAIL]:<8}[/]"
    console.print(f"  {word} {'import':<18} {escape(broken.error)}\n", soft_wrap=True)
    return False


def show(subject: Subject, results: Iterator[Result], console: Console) -> bool:
    """Print each result as it comes; whether none failed."""
    cls = class_of(subject)
    console.print(f"[bold]{escape(title_of(subject))}[/bold]  {escape(location(cls))}", soft_wrap=True)
    counts = dict.fromkeys(Outcome, 0)
    for result in results:
        counts[result.outcome] += 1
        console.print(_line(result), soft_wrap=True)
        if result.outcome is Outcome.FAIL:
            console.print(_explanation(result, location(cls)), soft_wrap=True)
    summary = ", ".join(f"{number} {LABELS[outcome]}" for outcome, number in counts.items() if number)
    console.print(f"  {summary}\n")
    return not counts[Outcome.FAIL]


def _line(result: Result) -> str:
    word = f"[{STYLES[result.outcome]}]{LABELS[result.outcome]:<8}[/]"
    said = result.check.promise
    if result.outcome in (Outcome.SKIP, Outcome.HELD_BACK):
        said = f"{result.detail}."
    elif result.detail:
        said += f" ({result.detail})"
    return f"  {word} {result.check.name:<18} {escape(said)}"


def _explanation(result: Result, place: str) -> str:
    lines = [("expected", result.expected), ("got", result.got), ("change", result.change), ("at", place)]
    return "\n".join(f"           [bold]{word:<8}[/bold] {escape(text)}" for word, text in lines if text)
