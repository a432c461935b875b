"""Settings: no number without end, and one readable line for every mistake."""

from __future__ import annotations

import pytest
from pydantic import Field

from benchmark.cli import main
from benchmark.core.errors import UserError
from benchmark.core.settings import Section, checked


class _Inner(Section):
    rate: float = Field(0.1, gt=0, le=2)


class _Outer(Section):
    inner: _Inner = _Inner()
    several: list[_Inner] = Field(default_factory=list)
    maybe: _Inner | None = None
    count: int | None = Field(None, gt=0)
    anything: float = 0.0


MISTAKES = [
    (
        {"inner": {"rate": float("inf")}},
        "setting 'x.inner.rate': Input should be a finite number, got inf. Allowed: a finite number > 0 and <= 2.",
    ),
    ({"inner": {"rate": [1]}}, "Input should be a valid number, got [1]. Allowed: a finite number > 0 and <= 2."),
    ({"inner": 3}, "setting 'x.inner': Input should be a valid dictionary or instance of _Inner, got 3."),
    ({"inner": {"rat": 1}}, "unknown setting 'x.inner.rat'. Did you mean 'x.inner.rate'? Allowed there: rate."),
    ({"several": [{}, {"rat": 1}]}, "unknown setting 'x.several.1.rat'. Did you mean 'x.several.1.rate'?"),
    ({"maybe": {"rat": 1}}, "unknown setting 'x.maybe.rat'. Did you mean 'x.maybe.rate'?"),
    ({"count": 0.5}, "got 0.5. Allowed: a whole number > 0 or null."),
    ({"anything": "nan"}, "got 'nan'. Allowed: a finite number."),
    ({"anything": "x" * 500}, "xxx.... Allowed"),
    ({1: 2}, "setting 'x.1': a name is expected, got 1."),
]


@pytest.mark.parametrize(("raw", "message"), MISTAKES, ids=[str(raw)[:40] for raw, _ in MISTAKES])
def test_a_mistake_is_one_line(raw, message):
    with pytest.raises(UserError) as caught:
        checked(_Outer, raw, "x.")
    assert message in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 250


def test_every_mistake_has_its_line():
    with pytest.raises(UserError) as caught:
        checked(_Outer, {"inner": {"rate": 3}, "count": 0})
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "setting 'inner.rate'",
        "setting 'count'",
    ]


NOT_FINITE = [
    *(["--methods", f"dpo(beta={value})"] for value in ("inf", "-inf", "nan", "1e400")),
    *(["--methods", call] for call in ("rloo(beta=inf)", "chi2_dpo(rho=inf)", "kldpo_ball(rho=inf)", "kldpo(tau=nan)")),
    *(
        ["--set", f"{key}={value}"]
        for key in ("training.learning_rate", "labels.sharpness", "sampling.temperature", "suite.policy_learning_rate")
        for value in (".inf", ".nan", "nan", "1e400")
    ),
    ["--suite", "emotion", "--set", "suite.scratch.learning_rate=.inf"],
    ["--suite", "toy_3d", "--set", "suite.learning_rate=.inf"],
    *(
        ["--train-shifts", f"alpha_mixture(a=joy,b=fear,alpha={alpha})"]
        for alpha in ("nan", "inf", "0:inf:0.1", "0:1:nan")
    ),
    *(
        ["--train-shifts", f"reward_blend({arguments})"]
        for arguments in (
            "weights=joy:inf+fear:0",
            "over=joy+fear,grid=inf",
            "over=joy+fear,samples=inf",
            "over=joy+fear,samples=2,concentration=inf",
            "over=joy+fear,samples=2,seed=inf",
        )
    ),
    ["--train-shifts", "annotator_groups(groups=joy/fear,share=nan)"],
]


@pytest.mark.parametrize("arguments", NOT_FINITE, ids=[" ".join(a) for a in NOT_FINITE])
def test_what_is_not_finite_is_refused_before_anything_runs(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["--preset", "smoke", *arguments]) == 2
    printed = capsys.readouterr().err
    assert any(word in printed for word in ("number", "finite", "fractions", "grid is")) and "Traceback" not in printed
    assert printed.startswith("error: ") and printed.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--set", "seeds=[1, 2]"],
            "Input should be a valid integer, got [1, 2]. Allowed: a whole number > 0 and <= 1",
        ),
        (["--set", "5=3"], "unknown setting '5'."),
        (["--set", "suite={1: 2}"], "setting 'suite.1': a name is expected, got 1."),
        (["--set", "training=3"], "setting 'training': Input should be a valid dictionary"),
        (["--set", "methods=5"], "setting 'methods': Input should be a valid list, got 5."),
        (["--set", "extra=[{train_shift: a, metods: [b]}]"], "Did you mean 'extra.0.methods'?"),
        (["--set", "training.micro_batch_size=7"], "setting 'training': batch_size 64 is no multiple of"),
        (["--set", "suite.policy_width=100"], "the head dimensions that both backends serve.\n"),
        (["--config", "latin.yaml"], "is not valid YAML"),
        (["--config", "numbers.yaml"], "setting '1': a name is expected, got 1."),
        (["--train-shifts", "alpha_mixture(a=joy,b=fear,alpha=0:1:1e-9)"], "points; at most 1000"),
        (["--train-shifts", "reward_blend(over=joy+fear,grid=0)"], "grid must be a whole number from 1 to 20, got '0'"),
        (["--train-shifts", "reward_blend(over=joy+fear,grid=2.5)"], "must be a whole number from 1 to 20, got '2.5'"),
    ],
)
def test_a_setting_of_the_wrong_kind(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"caf\xe9: 1\n")
    (tmp_path / "numbers.yaml").write_text("1: 2\n")
    assert main(["plan", "--preset", "smoke", *arguments]) == 2
    printed = capsys.readouterr().err
    assert message in printed and "Traceback" not in printed
