"""Domains of prompts: a mix of what is asked, in suites that have domains."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.core.errors import UserError
from benchmark.pipeline.kinds import read_config
from benchmark.pipeline.text.cells import build_matrix
from shifts import Rewards
from shifts.base import parse_shift
from shifts.prompt_domain import PromptDomain


def test_the_utility_is_that_of_the_mix():
    # 0.25 x 0.2 + 0.75 x 0.8 = 0.65
    utility = PromptDomain("code/law", "0.25/0.75").utility(Rewards({"code": np.array([0.2]), "law": np.array([0.8])}))
    assert utility == pytest.approx([0.65])


def test_its_family_is_its_own():
    (shift,) = parse_shift("prompt_domain(groups=code/law,share=0.9)")
    points = [*shift.corners(), *shift.evaluation_grid(), *shift.validation_grid(), shift.middle()]
    assert {type(point) for point in points} == {PromptDomain}


def test_a_domain_is_no_blend():
    with pytest.raises(UserError, match="a domain is one objective, got the blend"):
        PromptDomain("code/law:0.5+code:0.5")


def test_suites_without_domains_say_so_before_anything_runs():
    for call in ("prompt_domain(groups=joy/fear)", "label_noise(of=prompt_domain(groups=joy/fear),rate=0.1)"):
        config = read_config("grammar", "smoke", options={"train_shifts": call})
        with pytest.raises(UserError, match="suite grammar has no domains of prompts"):
            build_matrix(config, "transformers")
