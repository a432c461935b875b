"""What a row is called."""

from __future__ import annotations

from benchmark.measure.runs.names import MethodFacts, method_label


def test_a_label_tells_what_is_set_and_what_tells_siblings_apart() -> None:
    facts = MethodFacts("Ball", "", "", "method", {"beta": 0.1, "tau": None, "rho": None})
    by_tau = {"beta": 0.1, "tau": 0.3, "rho": None}
    by_rho = {"beta": 0.1, "tau": None, "rho": 0.2}
    both = [by_tau, by_rho]
    assert [method_label(facts, row, both) for row in both] == ["Ball τ=0.3", "Ball ρ=0.2"]
    assert method_label(facts, {**by_tau, "beta": 0.5}, [by_tau]) == "Ball β=0.5 τ=0.3"
