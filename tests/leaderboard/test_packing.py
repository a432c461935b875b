"""What is packed in a page comes out as it went in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Browser

from leaderboard.packing import embed, pack, turned
from leaderboard.page import TEMPLATES

CASES: list[Any] = [
    [0.141, None, -0.02, 12],
    [1e-12, 0.3, 1 / 3, 2.0],  # too many decimals: left as they are
    [1, True, 1.0, "1"],
    [True, True, True],
    [[0.1, 2], [0.3, 4], [0.5, 6]],
    [[], [], []],
    [[1], [2, 3], [4]],
    [None, None, None],
    [None, {"a": 1}, {"a": 2}],
    [{"a": [1, 2, 3], "b": "x"}, {"a": [4, 5, 6], "b": "x"}, {"a": None, "b": "y"}],
    [{"a": 1}, {"b": 2}, {"a": 3}],
    {"$times": {"x": 1}, "$over": {"y": 2}, "plain": []},
    ["one", "two"],
]


def test_the_pages_script_restores_what_was_turned(browser: Browser) -> None:
    script = (TEMPLATES / "script" / "base.js").read_text("utf-8")
    restoring = script[script.index("const own =") : script.index("const dataOf")]
    page = browser.new_page()
    for data in CASES:
        got = page.evaluate(
            f"text => {{ {restoring} return JSON.stringify(JSON.parse(text, restored)); }}", _json(data)
        )
        assert json.loads(got) == data and got.count("true") == json.dumps(data).count("true")
    page.close()


def _json(data: Any) -> str:
    return json.dumps(turned(data))


def test_repeats_numbers_and_columns_are_turned() -> None:
    assert turned([0.141, None, -0.02]) == {"$over": 1000, "$column": [141, None, -20]}
    assert turned([{"a": 1, "b": "x"}, {"a": 2, "b": "x"}, {"a": 3, "b": "x"}]) == {
        "$each": {"a": {"$over": 1, "$column": [1, 2, 3]}, "b": {"$same": "x", "$times": 3}},
        "$times": 3,
    }


def test_embedded_json_cannot_end_its_script() -> None:
    nasty = {"a": "</script><!--<script>&\u2028"}
    text = str(embed(nasty))
    assert not set("<>&\u2028") & set(text) and json.loads(text) == nasty
    with pytest.raises(ValueError):
        embed(float("nan"))


def test_packed_text_cannot_end_its_script() -> None:
    packed = str(pack([str(i) * 3 for i in range(5000)]))
    assert len(packed) > 1000 and not set("</\"'") & set(packed) and packed.isascii()
    with pytest.raises(ValueError):
        pack([float("nan")])
