"""What a row is called."""

from __future__ import annotations

from benchmark.measure.runs.names import method_facts, method_label


def test_a_label_tells_what_is_set_and_what_tells_siblings_apart() -> None:
    facts = method_facts("kldpo")
    by_tau = {"beta": 0.1, "tau": 0.3, "rho": None, "form": "normalised"}
    by_rho = {"beta": 0.1, "tau": None, "rho": 0.2, "form": "normalised"}
    both = [by_tau, by_rho]
    assert [method_label(facts, row, both) for row in both] == ["KLDPO τ=0.3", "KLDPO ρ=0.2"]
    assert method_label(facts, {**by_tau, "beta": 0.5}, [by_tau]) == "KLDPO β=0.5 τ=0.3"
