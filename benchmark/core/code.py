"""What stands for the code of a file: its syntax tree, without docstrings, comments and formatting."""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
from collections.abc import Iterable
from pathlib import Path

MEASURED = frozenset({"validation_grid"})  # methods that the measurement alone calls: no stage depends on them
OFFERED = frozenset({"presets", "default_train_shifts", "text_sizes", "policy_size"})  # the same of a suite


def hash_of(files: Iterable[Path], package: str, left_out: frozenset[str] = MEASURED) -> str:
    """A hash of the code of `files` and of the files of `package` that they import at their top, and so on.

    Docstrings, comments, formatting, where the files lie and what classes define under the names `left_out` do not
    count; the family's own base does not either.
    """
    trees = (code_of(file, left_out) for file in files_behind(files, package))
    return hashlib.sha256("".join(trees).encode()).hexdigest()[:16]


def files_behind(files: Iterable[Path], package: str) -> list[Path]:
    """`files` and the files of `package` that they import at their top, and so on, each once."""
    gathered: dict[Path, None] = {}
    for file in files:
        _gather(file, package, gathered)
    return list(gathered)


def code_of(path: Path, left_out: frozenset[str] = MEASURED) -> str:
    """The syntax tree of one file, as text, without what its classes define under the names `left_out`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            node.body = [item for item in node.body if not left_out & _defined(item)]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.dump(tree)


def _defined(item: ast.stmt) -> set[str]:
    """Names that a statement of a class's body defines."""
    if isinstance(item, ast.Assign | ast.AnnAssign):
        targets = item.targets if isinstance(item, ast.Assign) else [item.target]
        return {target.id for target in targets if isinstance(target, ast.Name)}
    return {item.name} if isinstance(item, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) else set()


def _gather(file: Path, package: str, gathered: dict[Path, None]) -> None:
    """Add `file` and what it imports from `package`, and so on."""
    if file in gathered:
        return
    gathered[file] = None
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        module = node.module if isinstance(node, ast.ImportFrom) else None
        if module and module.startswith(f"{package}.") and module != f"{package}.base":
            _gather(Path(inspect.getfile(importlib.import_module(module))), package, gathered)
