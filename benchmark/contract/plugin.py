"""What every method must be as a plug-in: named, documented, validated, printable, and free of the benchmark."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.contract.check import Broken, Check, NotApplicable, expect
from benchmark.contract.examples import shift_points
from benchmark.contract.subjects import MethodSubject, neighbours
from benchmark.core.errors import UserError
from benchmark.core.hyperparameters import Interval
from benchmark.core.plugins import Plugin
from methods.base import parse_method
from shifts import Shift

CORE = "benchmark.core"
FAMILIES = ("methods", "shifts")  # neither knows of the other
LIBRARIES = ("transformers", "trl", "accelerate", "vllm")
ABOVE = (*FAMILIES, *LIBRARIES, "leaderboard")
PROBES: tuple[Any, ...] = (float("nan"), -1.0, 0.0, 0.5, 1.5, 1e9, -1, 0, 3, "no-such-option")
SAMPLES = 5


def documented(subject: MethodSubject) -> str:
    """The docstring says what the method is and names every hyper-parameter."""
    return expect_documented(type(subject.method))


def expect_documented(cls: type[Plugin]) -> str:
    """Every field is a word of the docstring of the class, or of a dataclass from which it inherits the field."""
    expect(cls.__dict__.get("__doc__"), f"a docstring of {cls.__name__}", "none")
    parents = [parent for parent in cls.__mro__ if "__dataclass_params__" in parent.__dict__ or parent is cls]
    text = "\n".join(inspect.getdoc(parent) or "" for parent in parents)
    names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    silent = [name for name in names if not re.search(rf"\b{re.escape(name)}\b", text)]
    expect(not silent, f"a docstring that names {', '.join(names)}", f"nothing about {', '.join(silent)}")
    return ", ".join(names) or "no hyper-parameters"


def frozen(subject: MethodSubject) -> str:
    """The class is a frozen dataclass."""
    return expect_frozen(subject.method)


def expect_frozen(plugin: Plugin) -> str:
    """A change of an object of the class itself, not of a parent alone, is refused."""
    parameters = type(plugin).__dict__.get("__dataclass_params__")
    expect(parameters is not None and parameters.frozen, "@dataclass(frozen=True) above the class", "another class")
    return ""


def defaults(subject: MethodSubject) -> str:
    """Every default lies within its search range, or is the least legal value."""
    return expect_defaults(subject.method)


def expect_defaults(plugin: Plugin) -> str:
    """As `defaults`, for any plug-in."""
    checked = 0
    for field in dataclasses.fields(plugin):  # type: ignore[arg-type]
        legal, default = field.metadata.get("range"), field.default
        if legal is None or default is None or default is dataclasses.MISSING:
            continue
        checked += 1
        expect(legal.allows(default), f"a default of {field.name} that is {legal.allowed()}", repr(default))
        if isinstance(legal, Interval) and default != legal.minimum:
            expect(legal.low <= default <= legal.high, f"a default of {field.name} in {legal}", repr(default))
    return f"{checked} with a range"


def validation(subject: MethodSubject) -> str:
    """An illegal value of a hyper-parameter raises a UserError that names the field and what is allowed."""
    return expect_validated(subject.method)


def expect_validated(plugin: Plugin) -> str:
    """As `validation`, for any plug-in."""
    tried = 0
    for field in dataclasses.fields(plugin):  # type: ignore[arg-type]
        legal: Any = field.metadata.get("range")
        for value in _illegal(legal):
            _expect_refused(plugin, field.name, value, legal.allowed())
            tried += 1
    if not tried:
        raise NotApplicable("no field has a range")
    return f"{tried} illegal values"


def _illegal(legal: Any) -> Iterator[Any]:
    """Those of `PROBES` of the range's own type that it does not allow."""
    if legal is None:
        return
    for value in PROBES:
        if isinstance(legal, Interval) == isinstance(value, str):  # a word is no number: another message
            continue
        if not legal.allows(value):
            yield value


def _expect_refused(plugin: Plugin, field: str, value: Any, allowed: str) -> None:
    expected = f"{field}={value!r} to raise a UserError that says {field} and {allowed!r}"
    try:
        made = dataclasses.replace(plugin, **{field: value})  # type: ignore[type-var]
    except UserError as error:
        message = str(error)
        right_type = "must be of type" in message  # a fraction for a whole number
        expect(field in message and (allowed in message or right_type), expected, f"UserError: {message}")
        return
    except Exception as error:
        raise Broken(expected, f"{type(error).__name__}: {error}") from error
    raise Broken(expected, f"{made}")


def round_trip(subject: MethodSubject) -> str:
    """`str()` of a method is the call that makes it again."""
    for method in (subject.method, *neighbours(subject.method), *_samples(subject.method)):
        assert isinstance(method, type(subject.method))
        made = parse_method(str(method))
        expect(made == method, f"{method!r} from parse_method({str(method)!r})", repr(made))
    return str(subject.method)


def _samples(plugin: Plugin) -> Iterator[Plugin]:
    """Draws from the search ranges, rounded to what `str()` shows of a number."""
    rng = np.random.default_rng(0)
    for _ in range(SAMPLES):
        drawn = {}
        for field in dataclasses.fields(plugin):  # type: ignore[arg-type]
            if field.metadata.get("range") is not None:
                value = field.metadata["range"].sample(rng)
                drawn[field.name] = float(f"{value:.6g}") if isinstance(value, float) else value
        with contextlib.suppress(UserError):  # fields that exclude each other
            yield dataclasses.replace(plugin, **drawn)  # type: ignore[type-var]


def hparams(subject: MethodSubject) -> str:
    """The hyper-parameters are JSON: what comes back from text is what was written."""
    for method in (subject.method, *neighbours(subject.method)):
        values = method.hparams()
        back = json.loads(json.dumps(values))
        expect(back == values, f"hparams that JSON gives back as {values}", str(back))
    return json.dumps(subject.method.hparams())


def imports(subject: MethodSubject) -> str:
    """It stands on benchmark.core and on its own family alone."""
    return expect_own_imports(type(subject.method))


def expect_own_imports(cls: type[Plugin]) -> str:
    """No file of the class or of its parents imports a room of the benchmark above core, the other family, the page,
    or a library that trains and samples."""
    package = cls.registry.package
    bases = (Plugin.__module__, f"{package}.base")  # which are no plug-ins
    parents = [parent for parent in cls.__mro__ if issubclass(parent, Plugin) and parent.__module__ not in bases]
    files = dict.fromkeys(Path(inspect.getfile(parent)) for parent in parents)
    imported = [(name, line, file) for file in files for name, line in _imported(ast.parse(file.read_text()))]
    bad = {name: f"{name} in line {line} of {file.name}" for name, line, file in imported if _is_above(name, package)}
    change = " ".join(dict.fromkeys(_instead(name, package) for name in bad))
    expect(not bad, f"imports of `{package}` and `benchmark.core` alone", ", ".join(bad.values()), change)
    return ", ".join(sorted({name.split(".")[0] for name, _, _ in imported} - {"__future__"}))


def _is_above(module: str, package: str) -> bool:
    top = module.split(".")[0]
    if top == "benchmark":
        return not (module == CORE or module.startswith(f"{CORE}."))
    return top in ABOVE and top != package


def _instead(module: str, package: str) -> str:
    """What to use in place of a module that a plug-in of `package` may not import."""
    top = module.split(".")[0]
    if top in FAMILIES:
        return f"In place of {module}: take what the benchmark hands over (a shift to skip, parts and job.shift)."
    if top in LIBRARIES:
        return f"In place of {module}: the verbs of the job that `train` is handed (fit_pairs, average, ...)."
    return f"In place of {module}: what `from {package} import ...` offers, such as UserError and hyperparameter."


def _imported(tree: ast.AST) -> list[tuple[str, int]]:
    """Name of every module that is imported anywhere in a file, and the line."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [(module, node.lineno) for module in _modules_of(node)]
    return names


def _modules_of(node: ast.ImportFrom) -> list[str]:
    """`from benchmark import core` imports benchmark.core; of any other package its own name is enough."""
    if node.module == "benchmark":
        return [f"benchmark.{alias.name}" for alias in node.names]
    return [node.module or "." * node.level]


def skipping(subject: MethodSubject) -> str:
    """`skip` answers None or a reason for every registered shift; what is not skipped has a shift to train on."""
    skipped = 0
    points = shift_points()
    for point in points:
        reason = subject.method.skip(point)
        expect(
            reason is None or (isinstance(reason, str) and reason.strip()),
            f"skip({point}) to be None or a reason in words",
            repr(reason),
        )
        skipped += reason is not None
        if reason is None:
            trained = subject.method.training_shift(point)
            expect(isinstance(trained, Shift), f"a training shift of {point}, which is not skipped", repr(trained))
    return f"{skipped} of {len(points)} shifts skipped"


CHECKS = (
    Check("frozen", frozen, "Write @dataclass(frozen=True) directly above this class; its parent's does not count."),
    Check("documented", documented, "Say in the class's docstring what each field is, by its name, with its unit."),
    Check("defaults", defaults, "Move the default into the search range, or widen the range."),
    Check(
        "validation",
        validation,
        "A __post_init__ of the class's own begins with super().__post_init__(), which holds fields to their ranges.",
    ),
    Check(
        "round trip",
        round_trip,
        "Leave __str__ as it is, and give fields the types float, int, bool or str, which are read back from text.",
    ),
    Check("hparams", hparams, "Give fields the types float, int, bool or str: hyper-parameters are stored as JSON."),
    Check("imports", imports),
    Check(
        "skip",
        skipping,
        "Let skip(shift) return None or a sentence; where training_shift has no shift to return, skip says why.",
    ),
)
