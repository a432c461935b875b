"""Plug-ins: a class that subclasses a family's base and has a `name` is registered; nothing else is to be edited."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import pkgutil
import sys
import typing
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from benchmark.core.broken import Broken, RuleError, broken_entry, broken_file, explanation, located, shown
from benchmark.core.code import MEASURED, hash_of
from benchmark.core.errors import UserError, unknown
from benchmark.core.hyperparameters import check_names, validated

P = TypeVar("P", bound="Plugin")
ENTRY_POINTS = "prefshift.plugins"
_IMPORT_ERRORS = (Exception, SystemExit)  # a file that ends the program while it is imported is broken, too
_registries: list[Registry[Any]] = []


class DuplicateNameError(UserError):
    """Two different plug-ins have one name, and nothing says which of them is meant."""


class Registry(Generic[P]):
    """The plug-ins of one family by name. Built-in ones are imported at the first look-up.

    A file that cannot be imported, or whose classes could never be used, is left out with a warning: `broken` has it.
    left_out: names in the classes' bodies on which no stage depends.
    """

    def __init__(self, kind: str, package: str, left_out: frozenset[str] = MEASURED) -> None:
        self.kind = kind
        self.package = package
        self.left_out = left_out
        self._classes: dict[str, type[P]] = {}
        self._broken: list[Broken] = []
        self._loaded = False
        _registries.append(self)

    def add(self, cls: type[P]) -> None:
        """Register `cls` under its name. A copy of a class that is there, from another file with the same code, is the
        same plug-in: the first one stands for both.

        Raises:
            DuplicateNameError: another class with other code has that name already.
        """
        other = self._classes.get(cls.name)
        if other is None or (other.__qualname__, other.__module__) == (cls.__qualname__, cls.__module__):
            self._classes[cls.name] = cls
        elif not _same_code(other, cls):
            raise DuplicateNameError(
                f"two {self.kind}s are named {cls.name!r}, and their code differs: {_where(other)} and {_where(cls)}. "
                "Rename one, or leave one out."
            )

    def get(self, name: str) -> type[P]:
        """The class named `name`; an unknown name is a UserError with the nearest match and the files left out."""
        self._load()
        if name not in self._classes:
            raise unknown_plugin(self.kind, name, [self])
        return self._classes[name]

    def all(self) -> list[type[P]]:
        """Every registered class, sorted by name."""
        self._load()
        return [self._classes[name] for name in sorted(self._classes)]

    def broken(self) -> list[Broken]:
        """The files and entry points that were left out."""
        self._load()
        return list(self._broken)

    def registered(self) -> list[type[P]]:
        """What is registered by now, without importing anything."""
        return list(self._classes.values())

    def forget(self, classes: Iterable[type]) -> None:
        """Take those of `classes` that are registered off again."""
        gone = set(classes)
        for name in [name for name, cls in self._classes.items() if cls in gone]:
            del self._classes[name]

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded, self._broken = True, []
        try:
            self._load_files()
            self._load_entry_points()
        except UserError:
            self._loaded = False  # or the next look-up would take a part for the whole
            raise

    def _load_files(self) -> None:
        package = importlib.import_module(self.package)
        for found in pkgutil.iter_modules(package.__path__):
            name = f"{self.package}.{found.name}"
            try:
                _import(name, lambda name=name: importlib.import_module(name))  # type: ignore[misc]
            except DuplicateNameError:
                raise
            except _IMPORT_ERRORS as error:
                self._leave_out(broken_file(_file_of(name), error))

    def _load_entry_points(self) -> None:
        for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
            try:
                _import(entry.module, entry.load)
            except DuplicateNameError:
                raise
            except _IMPORT_ERRORS as error:
                self._leave_out(broken_entry(entry, error))

    def _leave_out(self, broken: Broken) -> None:
        self._broken.append(broken)
        broken.warn()


def unknown_plugin(kind: str, name: str, registries: Sequence[Registry[Any]]) -> UserError:
    """An error for a name that none of `registries` has: the nearest match, what is allowed, and what was left out."""
    names = [cls.name for registry in registries for cls in registry.all()]
    broken = dict.fromkeys(one for registry in registries for one in registry.broken())
    return UserError(f"{unknown(kind, name, names)}{explanation(name, list(broken))}")


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
    file = inspect.getsourcefile(cls)
    return f"{cls.__qualname__} in {shown(Path(file)) if file else cls.__module__}"


def fingerprint(cls: type, whole: bool = False) -> str:
    """A hash of the code that defines `cls`: its file, those of the concrete plug-ins that it inherits from, and those
    of its family's folder that they import at their top.

    Only a change of behaviour changes it, so only that makes a stage run again. The families' own base files are left
    out: the version of the stage that uses them covers those. whole: with what no stage depends on, too.
    """
    registry: Registry[Any] = cls.registry  # type: ignore[attr-defined]
    parents = [parent for parent in cls.__mro__ if hasattr(parent, "registry") and "name" in parent.__dict__]
    left_out = frozenset[str]() if whole else registry.left_out
    return hash_of([Path(inspect.getfile(parent)) for parent in parents], registry.package, left_out)


def load_file(path: Path) -> None:
    """Import the plug-ins of one Python file; one that lies in a family's own folder is imported from there.

    Raises:
        UserError: the file is not there, importing it fails (the message names the line), or a class in it could never
            be used.
    """
    if not path.is_file():
        raise UserError(f"plug-in file {str(path)!r} {'is a folder' if path.is_dir() else 'does not exist'}.")
    if path.suffix != ".py":
        raise UserError(f"plug-in file {str(path)!r} is not a Python file: its name must end in .py.")
    name = _module_name(path)
    try:
        _import(name, lambda: _execute(name, path))
    except UserError:
        raise
    except _IMPORT_ERRORS as error:
        raise UserError(f"plug-in file {str(path)!r} cannot be used: {located(error, path)}") from error


def _module_name(path: Path) -> str:
    for registry in _registries:
        folders = importlib.import_module(registry.package).__path__
        if path.resolve().parent in [Path(folder).resolve() for folder in folders]:
            return f"{registry.package}.{path.stem}"
    return f"prefshift_plugin_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"


def _execute(name: str, path: Path) -> None:
    if name in sys.modules:
        return
    if not name.startswith("prefshift_plugin_"):
        importlib.import_module(name)
        return
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # it ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def _import(name: str, execute: Callable[[], Any]) -> None:
    """Import the module `name` by `execute` and check the plug-ins of it and of what lies below it. Where that fails,
    nothing of it stays behind."""
    try:
        execute()
        for cls in _registered():
            if f"{cls.__module__}.".startswith(f"{name}."):
                _check_rules(cls)
    except BaseException:
        sys.modules.pop(name, None)
        gone = [cls for cls in _registered() if cls.__module__ not in sys.modules]
        for registry in _registries:
            registry.forget(gone)
        raise


def _registered() -> list[Any]:
    return [cls for registry in _registries for cls in registry.registered()]


def _check_rules(cls: type) -> None:
    """Raise a RuleError where no object of `cls` could ever be made from a call."""
    name: Any = cls.name  # type: ignore[attr-defined]
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    if not (isinstance(name, str) and name.isidentifier()):
        raise RuleError(cls, f"has the name {name!r}: letters, digits and '_' are allowed, a digit not at its start.")
    if missing:
        raise RuleError(cls, f"does not define {', '.join(missing)}, which every {cls.registry.kind} must.")  # type: ignore[attr-defined]
    if not issubclass(cls, Plugin):
        return
    if not dataclasses.is_dataclass(cls):
        raise RuleError(cls, "is no dataclass: write @dataclass(frozen=True) above it.")
    try:
        typing.get_type_hints(cls)
    except NameError as error:
        raise RuleError(cls, f"has a field whose type is not imported: {error}.") from error


def _same_code(one: type, other: type) -> bool:
    """Whether two classes are one by their code, in files that may lie anywhere."""
    try:
        return one.__qualname__ == other.__qualname__ and fingerprint(one, whole=True) == fingerprint(other, whole=True)
    except (OSError, TypeError):  # made without a file, in a console
        return False


def _file_of(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None  # it was listed among the files of its folder
    return Path(spec.origin)
