"""What the README shows is what is there."""

from __future__ import annotations

from pathlib import Path

import yaml

from methods import Method
from methods.base import parse_method
from shifts import Shift

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_shows_the_example_whole():
    assert (ROOT / "examples" / "mild_dpo.py").read_text().strip() in (ROOT / "README.md").read_text()


def test_every_method_and_shift_is_named_there_and_runs_in_the_configuration_of_all():
    readme = (ROOT / "README.md").read_text()
    everything = yaml.safe_load((ROOT / "configs" / "all-methods.yaml").read_text())
    run = {parse_method(call).name for call in everything["methods"]}
    names = {cls.name for cls in Method.registry.all() if cls.__module__.startswith("methods.")}
    assert names == run
    for name in names | {cls.name for cls in Shift.registry.all() if cls.__module__.startswith("shifts.")}:
        assert f"`{name}`" in readme, name
