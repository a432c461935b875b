"""Who imports whom: read from the source, imports inside functions and those for type checkers included."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, order=True)
class Arrow:
    """One import: the module it stands in, its line, and the module that is imported."""

    source: str
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line} -> {self.target}"


@dataclass(frozen=True)
class Tree:
    """The modules of some packages under one root, and their imports; those of other packages are in `outside`."""

    modules: frozenset[str] = field(repr=False)
    arrows: tuple[Arrow, ...] = field(repr=False)
    outside: tuple[Arrow, ...] = field(repr=False)

    @classmethod
    def read(cls, root: Path, tops: tuple[str, ...]) -> Tree:
        """Every Python file of the packages (or single modules) named `tops` under `root`."""
        files = [file for top in tops for file in [root / f"{top}.py", *(root / top).rglob("*.py")] if file.is_file()]
        sources = {_module(file.relative_to(root)): file for file in files}
        packages = {module for module, file in sources.items() if file.name == "__init__.py"}
        inside, outside = [], []
        for module, file in sources.items():
            package = module if module in packages else module.rpartition(".")[0]
            for node in ast.walk(ast.parse(file.read_text())):
                for name in _imported(node, package, sources):
                    arrow = Arrow(module, node.lineno, name)  # type: ignore[attr-defined]
                    (inside if name.partition(".")[0] in tops else outside).append(arrow)
        unknown = [str(arrow) for arrow in inside if arrow.target not in sources]
        assert not unknown, f"imports of modules that are not there: {unknown}"
        return cls(frozenset(sources), tuple(sorted(set(inside))), tuple(sorted(set(outside))))


def _module(file: Path) -> str:
    """`a/b.py` is a.b, and `a/__init__.py` is a."""
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(node: ast.AST, package: str, modules: Mapping[str, Path]) -> Iterator[str]:
    """Modules that a statement imports; of `from a import b` that is a.b where it is a module, else a."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        yield from (f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base for alias in node.names)


def circles(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that all reach one another (strongly connected, Tarjan), each sorted; a node alone is none."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        stack.append(node)
        for target in sorted(arrows.get(node, ())):
            if target not in order:
                visit(target)
                lowest[node] = min(lowest[node], lowest[target])
            elif target in stack:
                lowest[node] = min(lowest[node], order[target])
        if lowest[node] == order[node]:
            group = [stack.pop()]
            while group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                groups.append(sorted(group))

    for node in sorted(arrows):
        if node not in order:
            visit(node)
    return sorted(groups)
