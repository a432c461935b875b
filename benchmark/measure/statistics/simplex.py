"""Many small linear programmes at once: the best worst case of a mixture that keeps a given nominal reward.

Every replicate of a bootstrap poses its own programme of a dozen variables. One call of a general solver per programme
would spend its time on overhead; here the simplex method runs on all of them side by side, one pivot per sweep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.core.data import Bools, Floats, Ints

TOLERANCE = 1e-11  # rewards are of order 1
GREEDY_PIVOTS = 60  # after so many, Bland's rule, which cannot cycle


@dataclass(frozen=True)
class Solution:
    """The optimum of each programme; NaN where no mixture reaches the floor.

    value: max over mixtures of the least utility, shape [programmes].
    weights: a mixture that attains it, shape [programmes, policies].
    shadow_price: loss of `value` per unit by which the floor rises, >= 0, shape [programmes].
    """

    value: Floats
    weights: Floats
    shadow_price: Floats

    @property
    def empty(self) -> Bools:
        """Whether no mixture reaches the floor, shape [programmes]."""
        return np.isnan(self.value)


def best_mixture(values: Floats, nominal: Floats, floor: Floats) -> Solution:
    """max over w, t of t with t <= sum_i w_i values_is for every s and sum_i w_i nominal_i >= floor, w on the simplex.

    Args:
        values: utility of policy i under shift s, shape [programmes, policies, shifts].
        nominal: nominal reward of policy i, shape [programmes, policies].
        floor: the nominal reward to be kept, shape [programmes].

    The start is the policy of greatest nominal reward, which is feasible if anything is; so there is no first phase.
    """
    programmes, policies, _ = values.shape
    solution = Solution(
        np.full(programmes, np.nan), np.full((programmes, policies), np.nan), np.full(programmes, np.nan)
    )
    feasible = np.flatnonzero(nominal.max(axis=1) >= floor - TOLERANCE)
    if len(feasible):
        _solve(_start(values[feasible], nominal[feasible], floor[feasible]), feasible, solution)
    return solution


@dataclass
class _Dictionaries:
    """Simplex dictionaries, one per programme: basic = table[:, 0] + sum_c table[:, c] nonbasic_c.

    Row 0 is the objective t, which is free and never leaves. Labels number the variables: weights 0..P-1, then the
    slacks of the shifts, then the slack of the floor.
    """

    table: Floats  # [programmes, rows, 1 + columns]
    basic: Ints  # [programmes, rows], -1 in row 0
    nonbasic: Ints  # [programmes, columns]

    def keep(self, chosen: Bools) -> None:
        """Go on with some of the programmes."""
        self.table, self.basic, self.nonbasic = self.table[chosen], self.basic[chosen], self.nonbasic[chosen]


def _start(values: Floats, nominal: Floats, floor: Floats) -> _Dictionaries:
    """The dictionary in which the policy of greatest nominal reward has all the weight."""
    programmes, policies, shifts = values.shape
    every = np.arange(programmes)
    first = nominal.argmax(axis=1)
    policy = _to_front(first, policies)
    values = values[every[:, None], policy]
    nominal = nominal[every[:, None], policy]
    shift = _to_front(values[:, 0].argmin(axis=1), shifts)
    values = np.take_along_axis(values, shift[:, None, :], axis=2)

    table = np.zeros((programmes, shifts + 2, policies + 1))
    gain = values - values[:, :1]  # per unit of weight moved from the first policy, [programmes, policies, shifts]
    table[:, 0, 0] = values[:, 0, 0]  # t = the least utility + gains - its slack
    table[:, 0, 1:policies] = gain[:, 1:, 0]
    table[:, 0, policies] = -1.0
    table[:, 1, 0] = 1.0  # the weights sum to 1
    table[:, 1, 1:policies] = -1.0
    table[:, 2:-1, 0] = values[:, 0, 1:] - values[:, 0, :1]  # slack of shift s = its utility - t
    table[:, 2:-1, 1:policies] = (gain[:, 1:, 1:] - gain[:, 1:, :1]).swapaxes(1, 2)
    table[:, 2:-1, policies] = 1.0
    table[:, -1, 0] = np.maximum(nominal[:, 0] - floor, 0.0)  # slack of the floor
    table[:, -1, 1:policies] = nominal[:, 1:] - nominal[:, :1]

    column = np.full((programmes, 1), -1)
    last = np.full((programmes, 1), policies + shifts)
    basic = np.concatenate([column, policy[:, :1], policies + shift[:, 1:], last], axis=1)
    nonbasic = np.concatenate([policy[:, 1:], policies + shift[:, :1]], axis=1)
    return _Dictionaries(table, basic, nonbasic)


def _to_front(index: Ints, count: int) -> Ints:
    """Orders of 0..count-1 in which `index` and 0 have changed places, shape [len(index), count]."""
    order = np.tile(np.arange(count), (len(index), 1))
    order[np.arange(len(index)), index] = 0
    order[:, 0] = index
    return order


def _solve(state: _Dictionaries, where: Ints, solution: Solution) -> None:
    """Pivot until every programme is optimal; write the optimum of programme j to row where[j] of `solution`."""
    pivots = 0
    while len(where):
        gains = state.table[:, 0, 1:]
        done = gains.max(axis=1) <= TOLERANCE
        if done.any():
            _write(state, done, where[done], solution)
            where = where[~done]
            state.keep(~done)
            continue
        _pivot(state, _entering(gains, state.nonbasic, bland=pivots >= GREEDY_PIVOTS))
        pivots += 1


def _entering(gains: Floats, nonbasic: Ints, bland: bool) -> Ints:
    """The column that enters: of steepest gain, or of least label among those that gain."""
    if not bland:
        return gains.argmax(axis=1)
    return np.where(gains > TOLERANCE, nonbasic, np.iinfo(np.int64).max).argmin(axis=1)


def _pivot(state: _Dictionaries, column: Ints) -> None:
    """Swap the entering column with the row that first reaches zero (of least label among ties)."""
    table, every = state.table, np.arange(len(column))
    entering = table[every, :, column + 1]  # [programmes, rows]
    falls = entering < -TOLERANCE
    falls[:, 0] = False
    ratio = np.where(falls, table[:, :, 0] / np.where(falls, -entering, 1.0), np.inf)
    tied = ratio <= ratio.min(axis=1, keepdims=True) + TOLERANCE
    row = np.where(tied & falls, state.basic, np.iinfo(np.int64).max).argmin(axis=1)

    pivot = entering[every, row]
    new_row = -table[every, row] / pivot[:, None]
    new_row[every, column + 1] = 1.0 / pivot
    table[every, :, column + 1] = 0.0
    table += entering[:, :, None] * new_row[:, None, :]
    table[every, row] = new_row
    table[:, 1:, 0] = np.maximum(table[:, 1:, 0], 0.0)  # rounding must not make a basic variable negative
    entered = state.nonbasic[every, column].copy()
    state.nonbasic[every, column] = state.basic[every, row]
    state.basic[every, row] = entered


def _write(state: _Dictionaries, done: Bools, where: Ints, solution: Solution) -> None:
    table, basic, nonbasic = state.table[done], state.basic[done], state.nonbasic[done]
    policies = solution.weights.shape[1]
    floor_slack = policies + table.shape[1] - 2
    solution.value[where] = table[:, 0, 0]
    solution.shadow_price[where] = np.where(nonbasic == floor_slack, -table[:, 0, 1:], 0.0).sum(axis=1)
    weights = np.zeros((len(where), floor_slack + 2))  # the last column takes the objective's label, -1
    np.put_along_axis(weights, basic, table[:, :, 0], axis=1)
    solution.weights[where] = weights[:, :policies]
