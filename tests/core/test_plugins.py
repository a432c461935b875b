"""Plug-in files that are broken, copied or doubled: the rest stays usable, and one message says what is wrong."""

from __future__ import annotations

import importlib
import importlib.metadata
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import benchmark.core.broken
import methods
import shifts
from benchmark.cli import main
from benchmark.contract.subjects import classes_in
from benchmark.core.errors import UserError
from benchmark.core.plugins import fingerprint, load_file
from benchmark.pipeline.kinds import build_matrix, read_config
from benchmark.suites.analytic import AnalyticSuite
from benchmark.suites.base import Suite
from methods import Method
from shifts import Shift

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "mild_dpo.py"
GOOD = """
from dataclasses import dataclass
from methods import PairwiseMethod

@dataclass(frozen=True)
class Focal(PairwiseMethod):
    name = "focal"

    def pair_losses(self, batch):
        return -batch.log_ratio_margin
"""
BROKEN = {
    "syntax": ('name = "focal"\ndef f(:\n', "SyntaxError at line 2"),
    "import": ("import math\nimport no_such_module\n", "ModuleNotFoundError at line 2: No module named"),
    "exception": (f"{GOOD}\nraise RuntimeError('no luck\\nat all')\n", "RuntimeError at line 12: no luck"),
    "exit": ("import sys\nsys.exit(3)\n", "SystemExit at line 2: 3"),
    "no dataclass": (GOOD.replace("@dataclass(frozen=True)", ""), "class Focal at line 6 is no dataclass"),
    "abstract": (GOOD.replace("pair_losses", "pair_lossess"), "class Focal at line 5 does not define pair_losses"),
    "name": (GOOD.replace('"focal"', '"focal dpo"'), "class Focal at line 5 has the name 'focal dpo'"),
    "type": (
        "from __future__ import annotations\n" + GOOD.replace("    name =", "    beta: Beta = 1\n    name ="),
        "class Focal at line 6 has a field whose type is not imported: name 'Beta' is not defined",
    ),
}
Add = Callable[..., Path]


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Add]:
    """`add(name, text)` puts a file into `methods/` (or another family), and makes the registries look again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(benchmark.core.broken, "_warned", set())
    _ = [Suite.registry.all(), AnalyticSuite.registry.all()]  # filled now, so that no test fills them
    registries = {methods: Method.registry, shifts: Shift.registry}
    for package, registry in registries.items():
        folder = tmp_path / package.__name__
        folder.mkdir()
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        built_in = {cls.name: cls for cls in registry.all() if not cls.__module__.startswith("prefshift_plugin_")}
        for name, value in (("_classes", built_in), ("_broken", []), ("_loaded", False)):
            monkeypatch.setattr(registry, name, value)
    modules = set(sys.modules)

    def write(name: str, text: str, family: str = "methods") -> Path:
        file = tmp_path / family / f"{name}.py"
        file.write_text(text)
        importlib.invalidate_caches()
        for registry in registries.values():
            registry._loaded = False
        return file

    yield write
    for name in set(sys.modules) - modules:
        if name.startswith(("methods.", "shifts.", "prefshift_plugin_")):
            del sys.modules[name]


@pytest.mark.parametrize(("text", "error"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_named_once_and_stops_nothing_else(add, capsys, text, error):
    add("focal", text)
    assert main(["list", "methods"]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("methods/focal.py") == 1 and f"methods/focal.py: {error}" in printed.err
    assert "\nkldpo " in printed.out and f"BROKEN, left out: {error}" in printed.out
    assert main(["describe", "dpo"]) == main(["list", "shifts"]) == 0
    assert main(["plan", "--preset", "smoke", "--methods", "dpo", "--store", "store"]) == 0
    assert "methods/focal.py" not in capsys.readouterr().err  # it has been said


@pytest.mark.parametrize(
    "command",
    [["describe", "focal"], ["check", "focal(beta=1)"], ["plan", "--methods", "focal"], ["check", "methods/focal.py"]],
    ids=" ".join,
)
def test_asking_for_what_is_broken_is_answered_with_its_error(add, capsys, command):
    add("focal", BROKEN["syntax"][0])
    assert main(command) == 2
    printed = capsys.readouterr().err
    assert "SyntaxError at line 2: invalid syntax" in printed.split("error: ")[1] and "Traceback" not in printed


def test_the_nearest_match_is_given_beside_the_file_that_may_hold_the_name(add, capsys):
    add("focal", BROKEN["import"][0])
    assert main(["plan", "--methods", "kldp"]) == 2
    error = capsys.readouterr().err.split("error: ")[1]
    assert "Did you mean 'kldpo'?" in error and "may define it: methods/focal.py: ModuleNotFoundError" in error


def test_a_broken_name_in_the_middle_of_a_file_is_found(add):
    add("other", '\n\nclass A:\n    name: str = "focal"\n\ndef f(:\n')
    with pytest.raises(UserError, match=r"unknown method 'focal'(?s:.*)\nIt is defined .* methods/other.py: Syntax"):
        Method.registry.get("focal")


def test_what_fails_with_a_broken_file_is_left_out_with_it(add, capsys):
    """A healthy file that imports a broken one is broken too; a healthy one that a broken one imports is not."""
    add("a_broken", "from methods.b_healthy import Focal\nraise RuntimeError\n")
    add("b_healthy", GOOD)
    add("c_needs_it", "\nfrom methods.a_broken import nothing\n")
    assert Method.registry.get("focal").__module__ == "methods.b_healthy"
    broken = {one.source: one.error for one in Method.registry.broken()}
    assert broken == {
        "methods/a_broken.py": "RuntimeError at line 2: no message",
        "methods/c_needs_it.py": "RuntimeError at line 2: no message",
    }


def test_a_broken_shift_stops_no_method(add, capsys):
    add("drift", "1 / 0\n", family="shifts")
    assert main(["list", "methods"]) == main(["list", "shifts"]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("shifts/drift.py: ZeroDivisionError at line 1") == 1
    assert printed.out.count("BROKEN") == 1


def test_checking_everything_fails_where_something_is_broken(add, capsys, monkeypatch):
    from benchmark.contract import suite

    add("focal", BROKEN["import"][0])
    monkeypatch.setattr(suite, "every_subject", lambda lab, worlds: [])
    assert main(["check", "--all"]) == 1
    assert "FAIL     import             ModuleNotFoundError at line 2" in capsys.readouterr().out


def test_an_entry_point_that_fails_is_left_out_as_well(add, capsys, tmp_path, monkeypatch):
    (tmp_path / "installed_plugin.py").write_text("x = 1\nraise RuntimeError('too old')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = importlib.metadata.EntryPoint("theirs", "installed_plugin:Theirs", "prefshift.plugins")
    real = importlib.metadata.entry_points
    ours = {"group": "prefshift.plugins"}
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **asked: [entry] if asked == ours else real(**asked))
    assert main(["describe", "theirs"]) == 2
    error = capsys.readouterr().err.split("error: ")[1]
    assert "installed_plugin:Theirs" in error and "installed_plugin.py: RuntimeError at line 2: too old" in error
    assert main(["describe", "dpo"]) == 0


def test_two_different_classes_of_one_name_are_an_error_with_both_files(add, capsys):
    add("focal", GOOD)
    add("other", GOOD.replace("-batch", "-2 * batch"))
    assert main(["list", "methods"]) == main(["list", "methods"]) == 2
    error = capsys.readouterr().err
    assert "named 'focal'" in error and "methods/focal.py" in error and "methods/other.py" in error


def _key() -> str:
    config = read_config("grammar", "smoke", options={"methods": "mild_dpo"})
    return build_matrix(config, "transformers").cells[0].stages["scored_generations"].key


@pytest.mark.parametrize("first", ["plug-in", "copy"])
def test_a_plug_in_and_its_copy_in_the_folder_are_one(add, tmp_path, first):
    """Whichever comes first stands for both, with the same fingerprint: nothing is trained again."""
    elsewhere = tmp_path / "elsewhere.py"
    shutil.copy(EXAMPLE, elsewhere)
    if first == "plug-in":
        load_file(elsewhere)
        before, key = Method.registry.get("mild_dpo"), _key()
        copy = add(
            "mild_dpo", EXAMPLE.read_text().replace("DPO that stops", "The DPO that stops")
        )  # words do not count
    else:
        copy = add("mild_dpo", EXAMPLE.read_text())
        before, key = Method.registry.get("mild_dpo"), _key()
        load_file(elsewhere)
    assert Method.registry.get("mild_dpo") is before and _key() == key
    assert classes_in(copy) == classes_in(elsewhere) == [before]
    copied, named = importlib.import_module("methods.mild_dpo").MildDPO, before
    assert fingerprint(copied) == fingerprint(named)
    assert main(["list", "methods", "--plugin", str(elsewhere)]) == 0


def test_a_copy_that_was_changed_is_another_method(add, capsys, tmp_path):
    elsewhere = tmp_path / "elsewhere.py"
    elsewhere.write_text(EXAMPLE.read_text().replace("self.margin -", "self.margin +"))
    add("mild_dpo", EXAMPLE.read_text())
    assert main(["list", "methods", "--plugin", str(elsewhere)]) == 2
    error = capsys.readouterr().err
    assert "methods/mild_dpo.py" in error and "elsewhere.py" in error and "Traceback" not in error


def test_a_file_of_the_folder_may_be_named_as_a_plug_in(add, capsys):
    file = add("focal", GOOD)
    assert main(["list", "methods", "--plugin", str(file)]) == 0
    assert Method.registry.get("focal").__module__ == "methods.focal"


@pytest.mark.parametrize(("text", "error"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plug_in_that_is_named_is_a_mistake(add, capsys, tmp_path, text, error):
    (tmp_path / "mine.py").write_text(text)
    assert main(["list", "methods", "--plugin", "mine.py"]) == 2
    printed = capsys.readouterr().err
    assert error in printed and printed.count("\n") == 1
    assert "focal" not in {cls.name for cls in Method.registry.all()}


def test_a_plug_in_that_is_no_python_file(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("")
    assert main(["list", "methods", "--plugin", str(tmp_path)]) == 2
    assert main(["list", "methods", "--plugin", str(tmp_path / "mine.txt")]) == 2
    printed = capsys.readouterr().err
    assert "is a folder" in printed and "must end in .py" in printed
