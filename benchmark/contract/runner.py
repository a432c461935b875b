"""Checks of one subject, in order; those that build on a failed one are held back."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmark.contract.check import Broken, Check, NotApplicable, Outcome, Result
from benchmark.core.errors import UserError


def run_checks(checks: Sequence[Check], subject: Any) -> Iterator[Result]:
    """The result of each check as soon as it is there."""
    causes: dict[str, str] = {}  # by check that failed or was held back: the check that failed
    for check in checks:
        cause = next((causes[name] for name in check.after if name in causes), None)
        if cause is not None:
            causes[check.name] = cause
            yield Result(check, Outcome.HELD_BACK, f"builds on {cause!r}, which failed")
            continue
        result = run_check(check, subject)
        if result.outcome is Outcome.FAIL:
            causes[check.name] = check.name
        yield result


def run_check(check: Check, subject: Any) -> Result:
    """The result of one check. An error in the code under test is a failure that names the line."""
    try:
        return Result(check, Outcome.PASS, check.function(subject))
    except NotApplicable as reason:
        return Result(check, Outcome.SKIP, str(reason))
    except Broken as broken:
        return Result(
            check, Outcome.FAIL, expected=broken.expected, got=broken.got, change=broken.change or check.change
        )
    except Exception as error:
        return Result(check, Outcome.FAIL, expected="no error", got=_located(error), change=_change(error))


def _located(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in line {frame.lineno} of {Path(frame.filename).name}: {error}"


def _change(error: Exception) -> str:
    """What mends an error of the plug-in's own code, as far as its message tells."""
    if isinstance(error, RuntimeError) and any(word in str(error) for word in ("dtype", "scalar type")):
        return (
            "Tensors of two types met: batches come in float32 (training) and float64 (checks). Convert what the class "
            "makes or keeps, e.g. batch.state[NAME].to(batch.chosen_logps.dtype)."
        )
    if isinstance(error, UserError):
        return "Do what the message says."
    return "Mend the line that is named; a batch may have one pair, no groups and no margins."
