"""What the documents tell a reader to do works as it stands."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.core.plugins import load_file
from methods import Method, PairBatch
from shifts import Rewards, Shift
from shifts.base import parse_shift

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def focal_dpo(tmp_path):
    """The method of docs/add-a-method.md, from the page itself."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "add-a-method.md").read_text(), re.DOTALL)
    file = tmp_path / "focal_dpo.py"
    file.write_text(code)
    load_file(file)
    yield file
    Method.registry._classes.pop("focal_dpo", None)


def test_the_method_of_the_page_is_the_focal_loss(focal_dpo):
    # beta h = 0.5 * (3 - 1) = 1, p = sigmoid(1); (1 - p)^2 times -log p
    zero, five = torch.zeros(1), torch.full((1,), 5.0)
    batch = PairBatch(torch.tensor([3.0]), torch.tensor([1.0]), zero, zero, five, five)
    loss = Method.registry.get("focal_dpo").make(beta=0.5).pair_losses(batch)
    p = 1 / (1 + math.exp(-1.0))
    assert loss.item() == pytest.approx(-((1 - p) ** 2) * math.log(p))


@pytest.fixture
def weaker_side(tmp_path):
    """The shift of docs/add-a-shift.md, from the page itself."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "add-a-shift.md").read_text(), re.DOTALL)
    file = tmp_path / "weaker_side.py"
    file.write_text(code)
    load_file(file)
    yield file
    Shift.registry._classes.pop("weaker_side", None)


def test_the_shift_of_the_page_is_between_the_mean_and_the_worse(weaker_side):
    # rewards 0.2 and 0.8: mean 0.5, the worse 0.2; a quarter of the way 0.425
    rewards = Rewards({"joy": np.array([0.2]), "fear": np.array([0.8])})
    points = parse_shift("weaker_side(a=joy,b=fear,share=0:1:0.25)")
    assert [point.utility(rewards).item() for point in points] == pytest.approx([0.5, 0.425, 0.35, 0.275, 0.2])
    assert points[0].objectives == ("joy", "fear") and len(points[0].evaluation_grid()) == 11


def test_the_shift_of_the_page_holds_the_contract(weaker_side, capsys):
    from benchmark.cli import main

    assert main(["check", str(weaker_side)]) == 0


@pytest.mark.slow
def test_the_method_of_the_page_holds_the_contract(focal_dpo, capsys):
    from benchmark.cli import main

    assert main(["check", str(focal_dpo)]) == 0


def test_the_documents_link_to_files_that_exist():
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"
