"""What is registered, in words: for `list` and `describe`."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from typing import Any

from benchmark.core.errors import unknown
from benchmark.core.plugins import Plugin, Registry, unknown_plugin
from benchmark.report.columns import METRICS


def listing(what: str) -> str:
    """One line per registered name, and one per file that cannot be used.

    Raises:
        UserError: `what` is none of methods, shifts, suites, metrics, selection.
    """
    lines = {
        "methods": lambda: [*_plugins(_methods()), *_broken("method")],
        "shifts": lambda: [*_plugins(_shifts()), *_broken("shift")],
        "suites": lambda: [*((cls.name, _first_line(cls)) for cls in _suites()), *_broken("suite")],
        "metrics": lambda: [(metric.name, f"{metric.definition} [{metric.unit}]") for metric in METRICS],
        "selection": _rules,
    }
    if what not in lines:
        raise unknown("list", what, lines)
    rows = lines[what]()
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)


def description(name: str) -> str:
    """Docstring, paper, fields with type, default and range of a method, shift or suite.

    Raises:
        UserError: no plug-in has that name.
    """
    everything: dict[str, Any] = {cls.name: cls for cls in (*_methods(), *_shifts(), *_suites())}
    if name not in everything:
        raise unknown_plugin("plug-in", name, _registries())
    cls = everything[name]
    fields = _suite_settings(cls) if cls in _suites() else _fields(cls)
    return "\n\n".join(part for part in (name, inspect.getdoc(cls) or "", *fields) if part)


def _methods() -> list[Any]:
    from methods import Method

    return Method.registry.all()


def _suites() -> list[Any]:
    from benchmark.pipeline.kinds import suite_classes  # torch comes with it

    return suite_classes()


def _shifts() -> list[Any]:
    from shifts import Shift

    return Shift.registry.all()


def _registries() -> list[Registry[Any]]:
    from benchmark.pipeline.kinds import SUITE_KINDS
    from methods import Method
    from shifts import Shift

    return [Method.registry, Shift.registry, *(kind.family.registry for kind in SUITE_KINDS)]


def _broken(kind: str) -> list[tuple[str, str]]:
    broken = dict.fromkeys(one for registry in _registries() if registry.kind == kind for one in registry.broken())
    return [(one.source, f"BROKEN, left out: {one.error}") for one in broken]


def _rules() -> list[tuple[str, str]]:
    from benchmark.measure.selection import RULES  # pandas and scipy come with it

    return [(rule.name, rule.summary) for rule in RULES.values()]


def _plugins(classes: list[type[Plugin]]) -> list[tuple[str, str]]:
    return [(cls.name, cls.summary() + (f" [{cls.paper}]" if cls.paper else "")) for cls in classes]


def _first_line(cls: type) -> str:
    return (inspect.getdoc(cls) or "").split("\n", 1)[0]


def _fields(cls: type[Plugin]) -> list[str]:
    annotations = typing.get_type_hints(cls)
    lines = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        given = "required" if field.default is dataclasses.MISSING else f"default {field.default!r}"
        legal = field.metadata.get("range")
        searched = f", searched {legal}, allowed: {legal.allowed()}" if legal is not None else ""
        lines.append(f"  {field.name} ({_type(annotations[field.name])}): {given}{searched}")
    return ["fields:\n" + "\n".join(lines)] if lines else []


def _type(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)  # such as float | None


def _suite_settings(cls: Any) -> list[str]:
    lines = [
        f"  suite.{name}: default {field.default!r}. {field.description or ''}".rstrip()
        for name, field in cls.Settings.model_fields.items()
    ]
    return ["settings:\n" + "\n".join(lines)]
