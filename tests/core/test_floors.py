"""Imports only fall: the house of docs/architecture.md, held to what the files import, line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.core.arrows import Arrow, Tree, circles

ROOT = Path(__file__).resolve().parents[2]
TOPS = ("benchmark", "methods", "shifts", "leaderboard", "run_all")

HOUSE: list[set[str]] = [  # from the ground up; rooms of one floor do not know one another
    {"core"},
    {"report", "shifts", "methods", "policies"},
    {"scoring", "generation", "training"},
    {"suites", "harness"},
    {"measure", "contract"},
    {"studies"},
    {"leaderboard"},
    {"pipeline"},
    {"describe"},
    {"cli"},
    {"run_all"},
]
MEASURE: list[set[str]] = [  # the same inside benchmark/measure
    {"statistics", "records"},
    {"runs"},
    {"table", "analytic"},
    {"claims", "selection", "panels"},
    {"controls"},
    {"rows", "settings"},
    {"build"},
]
KNOW_NO_MORE = {  # rooms that are to know less than their floor would let them
    "methods": {"core"},
    "shifts": {"core"},
    "leaderboard": {"core", "report"},
}
# packages, and the one room that may import them
HEAVY = {"trl": "training", "vllm": "generation", "lm_eval": "harness"}


def room(module: str) -> str:
    """`benchmark.core.store` is in core, `methods.dpo` in methods."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] or first if first == "benchmark" else first


def room_of_measure(module: str) -> str:
    """`benchmark.measure.table.verdict` is in table; what stands in the folder itself is a room of its own."""
    return module.split(".")[2]


def not_falling(
    arrows: Iterable[Arrow], floors: list[set[str]], of: Callable[[str], str] = room
) -> list[tuple[Arrow, str]]:
    """Arrows between rooms that do not go to a lower floor, each with the reason."""
    height = {name: number for number, floor in enumerate(floors) for name in floor}
    wrong = []
    for arrow in arrows:
        source, target = of(arrow.source), of(arrow.target)
        if source == target:
            continue
        if strangers := sorted({source, target} - height.keys()):
            wrong.append((arrow, f"{' and '.join(strangers)}: on no floor of tests/core/test_floors.py"))
        elif height[target] >= height[source]:
            wrong.append((arrow, f"{source} is on floor {height[source]}, {target} on floor {height[target]}"))
    return wrong


def graph(arrows: Iterable[Arrow], of: Callable[[str], str] = str) -> dict[str, set[str]]:
    """Targets by source, of files or of their rooms."""
    targets: dict[str, set[str]] = {}
    for source, target in ((of(arrow.source), of(arrow.target)) for arrow in arrows):
        if source != target:
            targets.setdefault(source, set()).add(target)
    return targets


def lines(wrong: list[tuple[Arrow, str]]) -> str:
    """For the message of a failure."""
    return "\n".join(["imports that do not fall:", *(f"  {arrow}  ({reason})" for arrow, reason in wrong)])


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree.read(ROOT, TOPS)


@pytest.fixture(scope="module")
def within_measure(tree: Tree) -> list[Arrow]:
    """Arrows between files of benchmark/measure, its own `__init__` left out."""
    both = "benchmark.measure."
    return [arrow for arrow in tree.arrows if arrow.source.startswith(both) and arrow.target.startswith(both)]


def test_every_room_has_a_floor_and_every_floor_is_there(tree: Tree) -> None:
    """Else a room that was renamed would be held to nothing."""
    rooms = {room(module) for module in tree.modules} - {"benchmark"}  # the package's own empty file
    assert rooms == set().union(*HOUSE)
    of_measure = {room_of_measure(m) for m in tree.modules if m.startswith("benchmark.measure.")}
    assert of_measure == set().union(*MEASURE)


def test_imports_fall_from_room_to_room(tree: Tree) -> None:
    wrong = not_falling(tree.arrows, HOUSE)
    assert not wrong, lines(wrong)


def test_imports_fall_inside_the_measurement(within_measure: list[Arrow]) -> None:
    wrong = not_falling(within_measure, MEASURE, room_of_measure)
    assert not wrong, lines(wrong)


def in_circles(arrows: Iterable[Arrow], of: Callable[[str], str] = str) -> str:
    """Every circle with the first arrow between any two in it, for the message of a failure; empty without a circle."""
    paragraphs = []
    for group in circles(graph(arrows, of)):
        first: dict[tuple[str, str], Arrow] = {}
        for arrow in arrows:
            ends = of(arrow.source), of(arrow.target)
            if ends[0] != ends[1] and set(ends) <= set(group):
                first.setdefault(ends, arrow)
        paragraphs.append("\n".join([", ".join(group), *(f"  {arrow}" for arrow in first.values())]))
    return "\n\n".join(paragraphs)


def test_no_circle_among_files_or_rooms(tree: Tree, within_measure: list[Arrow]) -> None:
    for arrows, of in ((tree.arrows, str), (tree.arrows, room), (within_measure, room_of_measure)):
        message = in_circles(arrows, of)
        assert not message, f"imports that make circles:\n{message}"


@pytest.mark.parametrize("name", KNOW_NO_MORE)
def test_a_room_that_is_to_know_little_does(name: str, tree: Tree) -> None:
    allowed = {name, *KNOW_NO_MORE[name]}
    wrong = [arrow for arrow in tree.arrows if room(arrow.source) == name and room(arrow.target) not in allowed]
    assert not wrong, f"{name} may import {sorted(allowed)} alone:\n" + "\n".join(map(str, wrong))


@pytest.mark.parametrize("package", HEAVY)
def test_a_heavy_package_is_imported_in_one_room(package: str, tree: Tree) -> None:
    users = [arrow for arrow in tree.outside if arrow.target.partition(".")[0] == package]
    assert users, f"nothing imports {package}: the check would hold nobody to anything"
    wrong = [arrow for arrow in users if room(arrow.source) != HEAVY[package]]
    assert not wrong, f"{package} belongs to {HEAVY[package]} alone:\n" + "\n".join(map(str, wrong))


# The checks themselves, on a small tree


SMALL = {
    "benchmark/__init__.py": "",
    "benchmark/core/__init__.py": "",
    "benchmark/core/names.py": "import json\n",
    "benchmark/training/__init__.py": "",
    "benchmark/training/fit.py": "from benchmark.core.names import word\nfrom . import job\n",
    "benchmark/training/job.py": "from benchmark.core import names\n",
    "methods/__init__.py": "from benchmark.core import names\n",
}


def written(folder: Path, **changed: str) -> Tree:
    """The small tree with lines added to the files named by their last part."""
    for path, source in SMALL.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source + changed.get(file.stem, ""))
    return Tree.read(folder, ("benchmark", "methods"))


def test_a_tree_whose_imports_fall_is_clean(tmp_path: Path) -> None:
    tree = written(tmp_path)
    assert [str(arrow) for arrow in tree.arrows] == [
        "benchmark.training.fit:1 -> benchmark.core.names",
        "benchmark.training.fit:2 -> benchmark.training.job",
        "benchmark.training.job:1 -> benchmark.core.names",
        "methods:1 -> benchmark.core.names",
    ]
    assert [str(arrow) for arrow in tree.outside] == ["benchmark.core.names:1 -> json"]
    assert not_falling(tree.arrows, HOUSE) == [] and circles(graph(tree.arrows)) == []


@pytest.mark.parametrize(
    "upward",
    [
        "import benchmark.training.job\n",
        "def late():\n    from benchmark.training import job\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..training import job\n",
    ],
    ids=["plain", "inside a function", "for type checkers, relative"],
)
def test_an_arrow_upwards_is_found_and_makes_a_circle(upward: str, tmp_path: Path) -> None:
    tree = written(tmp_path, names=upward)
    ((arrow, reason),) = not_falling(tree.arrows, HOUSE)
    assert (arrow.source, arrow.target) == ("benchmark.core.names", "benchmark.training.job")
    assert reason == "core is on floor 0, training on floor 2"
    assert circles(graph(tree.arrows)) == [["benchmark.core.names", "benchmark.training.job"]]
    assert circles(graph(tree.arrows, room)) == [["core", "training"]]


def test_the_message_names_a_circle_and_its_arrows_alone(tmp_path: Path) -> None:
    tree = written(tmp_path, names="import benchmark.training.job\n")
    assert in_circles(tree.arrows, room) == "\n".join(
        [
            "core, training",
            "  benchmark.core.names:2 -> benchmark.training.job",
            "  benchmark.training.fit:1 -> benchmark.core.names",
        ]
    )


def test_a_circle_in_one_room_and_a_neighbour_are_found(tmp_path: Path) -> None:
    assert circles(graph(written(tmp_path, job="from . import fit\n").arrows)) == [
        ["benchmark.training.fit", "benchmark.training.job"]
    ]
    floors = [{"core"}, {"methods", "training"}]
    (arrow,) = (arrow for arrow, _ in not_falling(written(tmp_path, fit="import methods\n").arrows, floors))
    assert str(arrow) == "benchmark.training.fit:3 -> methods"


def test_a_room_on_no_floor_and_a_module_that_is_not_there_are_said(tmp_path: Path) -> None:
    ((_, reason),) = not_falling(written(tmp_path, job="import methods\n").arrows, [{"core"}, {"training"}])[:1]
    assert "methods: on no floor" in reason
    with pytest.raises(AssertionError, match=r"job:2 -> benchmark\.core\.gone"):
        written(tmp_path, job="import benchmark.core.gone\n")
