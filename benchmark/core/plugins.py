"""Plug-ins: a class that subclasses a family's base and has a `name` is registered; nothing else is to be edited."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import pkgutil
import sys
import typing
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from benchmark.core.errors import UserError, unknown
from benchmark.core.hyperparameters import check_names, validated

P = TypeVar("P", bound="Plugin")
MEASURED = frozenset({"validation_grid"})  # methods that the measurement alone calls: no stage depends on them


class Registry(Generic[P]):
    """The plug-ins of one family by name. Built-in ones are imported at the first look-up."""

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._classes: dict[str, type[P]] = {}
        self._loaded = False

    def add(self, cls: type[P]) -> None:
        """Register `cls` under its name. A copy of the same code, such as a plug-in file that was copied into the
        family's folder, is the same plug-in: the class that came first stays.

        Raises:
            UserError: another class with other code has that name already.
        """
        other = self._classes.get(cls.name)
        if other is None or other.__qualname__ + other.__module__ == cls.__qualname__ + cls.__module__:
            self._classes[cls.name] = cls
        elif not _same_code(other, cls):
            raise UserError(
                f"two {self.kind}s are named {cls.name!r}, and their code differs: {_where(other)} and {_where(cls)}. "
                "Rename one, or leave one out."
            )

    def get(self, name: str) -> type[P]:
        """The class named `name`; an unknown name is a UserError with the nearest match."""
        self._load()
        if name not in self._classes:
            raise unknown(self.kind, name, self._classes)
        return self._classes[name]

    def all(self) -> list[type[P]]:
        """Every registered class, sorted by name."""
        self._load()
        return [self._classes[name] for name in sorted(self._classes)]

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self.package}.{module.name}")
        for entry in importlib.metadata.entry_points(group="prefshift.plugins"):
            entry.load()


class Plugin:
    """Base of every family. Concrete plug-ins are `@dataclass(frozen=True)` classes with a `name`.

    Fields are checked when an object is made; `str(plugin)` is the call that makes it again.
    """

    name: ClassVar[str]
    paper: ClassVar[str] = ""
    registry: ClassVar[Registry[Any]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            cls.registry.add(cls)

    def __post_init__(self) -> None:
        annotations = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = validated(self.name, field, annotations[field.name], getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    @classmethod
    def make(cls: type[P], **arguments: Any) -> P:
        """An object from named arguments; an unknown name is a UserError with the nearest match."""
        check_names(cls.name, arguments, [field.name for field in dataclasses.fields(cls)])  # type: ignore[arg-type]
        missing = [
            field.name
            for field in dataclasses.fields(cls)  # type: ignore[arg-type]
            if field.default is dataclasses.MISSING and field.name not in arguments
        ]
        if missing:
            raise UserError(f"{cls.name}: {', '.join(missing)} must be given. `describe {cls.name}` explains.")
        return cls(**arguments)

    def hparams(self) -> dict[str, Any]:
        """The fields by name, in the order of the class."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]

    def __str__(self) -> str:
        inner = ",".join(f"{name}={_plain(value)}" for name, value in self.hparams().items())
        return f"{self.name}({inner})" if inner else self.name

    @classmethod
    def summary(cls) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(cls) or "").split("\n", 1)[0]


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _where(cls: type) -> str:
    return f"{cls.__qualname__} in {inspect.getsourcefile(cls) or cls.__module__}"


def _same_code(one: type[Any], other: type[Any]) -> bool:
    """Whether two classes of one name are copies of one another; suites, which span several files, never are."""
    alike = one.__qualname__ == other.__qualname__ and issubclass(one, Plugin) and issubclass(other, Plugin)
    return alike and fingerprint(one) == fingerprint(other)


def fingerprint(cls: type[Plugin]) -> str:
    """A hash of the code that defines `cls`: its file, those of the concrete plug-ins that it inherits from, and those
    of its family's folder that they import at their top.

    Docstrings, comments, formatting and `MEASURED` do not count, so only a change of behaviour makes a stage run again.
    The families' own base files are left out: the version of the stage that uses them covers those.
    """
    files: dict[Path, None] = {}
    for parent in cls.__mro__:
        if issubclass(parent, Plugin) and "name" in parent.__dict__:
            _gather(Path(inspect.getfile(parent)), cls.registry.package, files)
    return hashlib.sha256("".join(_code_of(file) for file in files).encode()).hexdigest()[:16]


def _gather(file: Path, package: str, files: dict[Path, None]) -> None:
    """Add `file` and what it imports from `package`, and so on."""
    if file in files:
        return
    files[file] = None
    for node in ast.parse(file.read_text()).body:
        module = node.module if isinstance(node, ast.ImportFrom) else None
        if module and module.startswith(f"{package}.") and module != f"{package}.base":
            _gather(Path(inspect.getfile(importlib.import_module(module))), package, files)


def _code_of(path: Path) -> str:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            node.body = [item for item in node.body if getattr(item, "name", None) not in MEASURED]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.dump(tree)


def load_file(path: Path) -> None:
    """Import the plug-ins of one Python file.

    Raises:
        UserError: the file is not there, or importing it fails (the message names the line).
    """
    if not path.is_file():
        raise UserError(f"plug-in file {str(path)!r} does not exist.")
    module_name = f"prefshift_plugin_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    if module_name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"plug-in file {str(path)!r} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except UserError:
        del sys.modules[module_name]
        raise
    except Exception as error:
        del sys.modules[module_name]
        raise UserError(f"plug-in file {str(path)!r} cannot be imported: {_located(error, path)}") from error


def _located(error: Exception, path: Path) -> str:
    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename) == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{type(error).__name__} at line {line}: {error}"
