"""Ways to differentiate an input-gradient penalty, against the exact one; and the difference that notices its error."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import pytest
import torch

from benchmark.core.errors import UserError
from benchmark.training import penalty
from benchmark.training.penalty import Displacement, difference_error, peaks, resolve_solver
from methods import Solver
from methods.dpo import DPO
from methods.wdpo import WDPO

from .drive import assert_same_gradients, make_trainer, step_gradients


def penalty_gradient(solver, form, model, *rest, **settings):
    """Gradient of the penalty alone, by parameter: WDPO's step less DPO's."""
    whole = step_gradients(make_trainer(WDPO(beta=0.3, rho=0.7, form=form, solver=solver), model(), *rest, **settings))
    plain = step_gradients(make_trainer(DPO(beta=0.3), model(), *rest, **settings))
    return {name: gradient - plain[name] for name, gradient in whole.items()}


def relative_error(got, wanted):
    error = sum(float((got[name] - wanted[name]).pow(2).sum()) for name in wanted)
    return (error / sum(float(gradient.pow(2).sum()) for gradient in wanted.values())) ** 0.5


@pytest.mark.parametrize("micro", [None, 16], ids=["1x64", "4x16"])
@pytest.mark.parametrize("form", ["sqrt", "squared"])
def test_the_difference_is_within_a_hundredth_of_double_backward(
    form, micro, make_policy, tokenizer, pairs, reference, tmp_path
):
    rest = (tokenizer, pairs, reference, tmp_path)
    exact = penalty_gradient("double_backward", form, lambda: make_policy("eager"), *rest)
    got = penalty_gradient("difference", form, lambda: make_policy("sdpa"), *rest, micro=micro)
    assert relative_error(got, exact) < 1e-2


def test_the_difference_works_under_gradient_checkpointing(make_policy, tokenizer, pairs, reference, tmp_path):
    rest = (tokenizer, pairs, reference, tmp_path)
    exact = penalty_gradient("double_backward", "sqrt", lambda: make_policy("eager"), *rest)
    got = penalty_gradient("auto", "sqrt", lambda: make_policy("sdpa"), *rest, gradient_checkpointing=True)
    assert relative_error(got, exact) < 1e-2


def test_the_difference_trains_adapters_over_frozen_embeddings(make_policy, tokenizer, pairs, reference, tmp_path):
    """Under PEFT the gradient by the adapters alone; double backward over the same adapters is the truth."""
    from peft import LoraConfig, get_peft_model

    def adapted(attention):
        def make():
            torch.manual_seed(3)
            model = get_peft_model(make_policy(attention), LoraConfig(r=2, target_modules=["q_proj", "v_proj"]))
            for name, parameter in model.named_parameters():
                if "lora_B" in name:
                    torch.nn.init.normal_(parameter, std=0.1)
            return model

        return make

    rest = (tokenizer, pairs, reference, tmp_path)
    exact = penalty_gradient("double_backward", "sqrt", adapted("eager"), *rest)
    got = penalty_gradient("difference", "sqrt", adapted("sdpa"), *rest)
    assert all("lora" in name for name in got)
    assert relative_error(got, exact) < 1e-2


def test_the_perturbation_is_the_gradient_at_the_displaced_inputs(make_policy, tokenizer, pairs, reference, tmp_path):
    """sup over the ball to first order: mean_i l_i(z_i + rho g_i / R), with g and R held fixed."""
    from benchmark.training.forward import forward_pairs

    method = WDPO(beta=0.3, rho=0.2, solver="perturbation")
    trainer = make_trainer(method, make_policy(), tokenizer, pairs, reference, tmp_path, micro=16)
    model = make_policy()
    inputs = trainer.data_collator([{"pair": i} for i in range(64)])
    forward = forward_pairs(model, inputs, model.get_input_embeddings())
    (slope,) = torch.autograd.grad(method.pair_losses(forward.batch).sum(), forward.embeddings)
    root = (slope.pow(2).sum() / 64).sqrt()
    displaced = forward_pairs(model, inputs, model.get_input_embeddings(), 0.2 * slope / root)
    trained = method.pair_losses(displaced.batch).mean()
    trained.backward()
    expected = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    assert_same_gradients(step_gradients(trainer), expected)
    # The curve holds the loss that was trained as the objective, and the expansion by its own name.
    (entry,) = trainer.history
    assert float(entry["objective"]) == pytest.approx(float(trained.detach()), rel=1e-5)
    mean = float(method.pair_losses(forward.batch).mean().detach())
    assert float(entry["expansion"]) == pytest.approx(mean + 0.2 * float(root), rel=1e-5)
    assert abs(float(entry["objective"]) - float(entry["expansion"])) > 1e-2


@pytest.mark.parametrize("solver", ["difference", "double_backward"])
def test_where_the_expansion_is_what_is_trained_it_is_the_objective(
    solver, make_policy, tokenizer, pairs, reference, tmp_path
):
    method = WDPO(beta=0.3, rho=0.2, solver=solver)
    policy = make_policy("eager" if solver == "double_backward" else "sdpa")
    trainer = make_trainer(method, policy, tokenizer, pairs, reference, tmp_path, micro=16)
    trainer.train()
    (entry,) = trainer.history
    expansion = float(entry["loss"]) + 0.2 * float(entry["input_gradient_rms"])
    assert float(entry["objective"]) == pytest.approx(expansion, rel=1e-5) and "expansion" not in entry


def test_the_error_that_a_difference_estimates_is_that_of_a_parabola():
    # gradient g(e) = e + 3 e^2: the one-sided difference at e = 0.1 is 1.3, at 0.2 it is 1.6; |1.6 - 1.3| / 1.3
    assert difference_error([torch.tensor([0.13])], [torch.tensor([0.32])]) == pytest.approx(0.3 / 1.3)
    assert difference_error([torch.tensor([0.1])], [torch.tensor([0.2])]) == pytest.approx(0.0, abs=1e-6)


def taken(there, gradient):
    """The difference over its width, of pairs whose losses have the given gradients by e."""
    points = [(1.0, there.ahead(0)), (-1.0, there.behind(0))]
    total = -there.plain * gradient(torch.zeros(3), slice(None)).sum()
    for sign, point in points:
        if point is not None:
            rows = slice(None) if point.rows is None else point.rows
            steps = point.shift[: len(point.weights), 0, 0]
            total = total + sign * (point.weights * gradient(steps, rows)).sum()
    return float(total / there.width)


@pytest.mark.parametrize(
    ("peaked", "two_sided", "left"),
    [
        ((False, False, False), False, 0.1 * (1 + 7 + 50)),  # e c of each
        ((False, True, True), False, 0.1 * 1),  # of the first alone
        ((True, True, True), False, 0.0),
        ((False, False, False), True, 0.0),
    ],
)
def test_a_difference_of_second_order_is_exact_for_a_parabola(peaked, two_sided, left):
    """Three pairs with gradients 2 + b e + c e^2, whose derivative is b."""
    b, c = torch.tensor([1.0, -2.0, 4.0]), torch.tensor([1.0, 7.0, 50.0])
    there = Displacement([torch.ones(6, 1, 1)], 0.1, [torch.tensor(peaked)], two_sided)
    assert taken(there, lambda e, rows: 2 + b[rows] * e + c[rows] * e**2) == pytest.approx(3.0 + left, abs=1e-4)


def test_a_peak_is_the_greatest_token_of_either_side():
    directions = torch.zeros(4, 3, 2)  # two pairs: rows 0 and 2, rows 1 and 3
    directions[0, 1], directions[2, 0] = torch.tensor([3.0, 4.0]), torch.tensor([0.0, 6.0])
    directions[1, 2] = torch.tensor([1.0, 0.0])
    assert peaks(directions).tolist() == [6.0, 1.0]


@pytest.mark.parametrize("micro", [None, 16], ids=["1x64", "4x16"])
def test_where_one_side_is_not_enough_a_run_goes_over_to_two(
    micro, make_policy, tokenizer, pairs, reference, tmp_path, monkeypatch
):
    """At a step that is too long for a second order of a few pairs, and may not be changed."""
    monkeypatch.setattr(penalty, "STEP", 5e-4)
    monkeypatch.setattr(penalty, "NOTCHES", 0)
    rest = (tokenizer, pairs, reference, tmp_path)
    exact = penalty_gradient("double_backward", "sqrt", lambda: make_policy("eager"), *rest)
    two = relative_error(penalty_gradient("difference", "sqrt", make_policy, *rest, micro=micro), exact)
    monkeypatch.setattr(penalty, "AIM", 1.0)
    one = relative_error(penalty_gradient("difference", "sqrt", make_policy, *rest, micro=micro), exact)
    assert one > 1e-2 and two < 5e-3


def test_few_peaked_pairs_make_most_of_the_error_and_are_found_across_micro_batches(
    make_policy, tokenizer, pairs, reference, tmp_path, monkeypatch
):
    monkeypatch.setattr(penalty, "STEP", 3e-4)
    monkeypatch.setattr(penalty, "NOTCHES", 0)
    monkeypatch.setattr(penalty, "AIM", 1.0)
    rest = (tokenizer, pairs, reference, tmp_path)
    exact = penalty_gradient("double_backward", "sqrt", lambda: make_policy("eager"), *rest)

    def error(share, micro=None):
        monkeypatch.setattr(penalty, "PEAKED", share)
        return relative_error(penalty_gradient("difference", "sqrt", make_policy, *rest, micro=micro), exact)

    one, eighth, half = (error(share) for share in (1 / 64, 1 / 8, 1 / 2))
    assert half < eighth / 2 < one / 4
    assert error(1 / 8, micro=16) == pytest.approx(eighth, rel=0.1)


@pytest.mark.parametrize(("step", "trusted"), [(1e3, False), (1e-11, False), (penalty.STEP, True)])
def test_a_difference_that_is_wrong_is_noticed(
    step, trusted, make_policy, tokenizer, pairs, reference, tmp_path, monkeypatch
):
    """Too long a step leaves the linear range, too short a one drowns in rounding: both are wrong, and said to be."""
    monkeypatch.setattr(penalty, "STEP", step)
    rest = (tokenizer, pairs, reference, tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        got = penalty_gradient("difference", "sqrt", make_policy, *rest)
    said = [str(w.message) for w in caught if "difference solver" in str(w.message)]
    exact = penalty_gradient("double_backward", "sqrt", lambda: make_policy("eager"), *rest)
    assert (relative_error(got, exact) < penalty.TRUSTED) == trusted
    assert bool(said) != trusted
    if not trusted:
        assert "do not rely on this run" in said[0]


def test_the_step_moves_to_where_its_error_is_least():
    # errors e + 1e-4 / e around e = 1e-2, seen from e = 2^6 1e-2: six notches down, then it stays
    control = penalty.StepControl()
    here = [0.64]

    def error_at(factor, two_sided):
        e = here[0] * factor
        return 1.0 if two_sided else e + 1e-4 / e

    control.choose(error_at)
    assert control.notch == 0 and control.two_sided  # none of the lengths was good enough on one side
    control = penalty.StepControl()
    control.two_sided = True  # with nowhere else to go
    left = control.choose(lambda factor, two_sided: error_at(factor, False))
    assert control.notch == -6
    assert left == pytest.approx(0.02)


def test_sides_are_not_given_up_and_a_good_difference_is_left_alone():
    control = penalty.StepControl()
    assert control.choose(lambda factor, two_sided: penalty.AIM / 2) == penalty.AIM / 2
    assert (control.notch, control.two_sided) == (0, False)
    assert control.choose(lambda factor, two_sided: 1e-3 if two_sided else 1e-2) == 1e-3
    assert control.two_sided
    assert control.choose(lambda factor, two_sided: 1e-3) == 1e-3  # one side would do again
    fresh = penalty.StepControl()
    fresh.restore(control.state())
    assert fresh.two_sided


def test_the_measured_error_stands_in_the_training_curve(make_policy, tokenizer, pairs, reference, tmp_path):
    trainer = make_trainer(WDPO(solver="difference"), make_policy(), tokenizer, pairs, reference, tmp_path)
    trainer.train()
    assert 0 < float(trainer.history[0]["difference_error"]) < penalty.TRUSTED


def test_auto_is_exact_where_attention_has_a_second_derivative():
    assert resolve_solver(WDPO(), "eager", False) is Solver.DOUBLE_BACKWARD
    assert resolve_solver(WDPO(), "sdpa", False) is Solver.DIFFERENCE
    assert resolve_solver(WDPO(), "eager", True) is Solver.DIFFERENCE
    assert resolve_solver(DPO(), "sdpa", False) is None
    with pytest.raises(UserError, match="needs eager attention without gradient checkpointing, got attention 'sdpa'"):
        resolve_solver(WDPO(solver="double_backward"), "sdpa", False)


@dataclass(frozen=True)
class Weighted(WDPO):
    """A penalty beside weights."""

    def log_weights(self, losses):
        return losses


@dataclass(frozen=True)
class Stateful(WDPO):
    """A penalty beside a state."""

    def next_state(self, batch):
        return {}


def test_what_a_penalty_cannot_be_combined_with_is_said():
    assert resolve_solver(Weighted(), "eager", False) is Solver.DOUBLE_BACKWARD
    with pytest.raises(UserError, match="needs uniform weights"):
        resolve_solver(Weighted(), "sdpa", False)
    with pytest.raises(UserError, match="a state, is not supported"):
        resolve_solver(Stateful(), "eager", False)
