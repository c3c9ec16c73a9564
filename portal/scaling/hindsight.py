"""Hindsight: the cheapest bill that anybody could have had, found by a linear program.

Each promise covers a run of weeks, so the columns of the program are intervals of ones: it is totally
unimodular, and its optimum is one of whole units.
"""

from typing import Any

import highspy
import numpy as np

from portal.scaling.rules import Hours

WEEK_HOURS = 168


def optimum(weeks: Hours, beta: float, term_weeks: int) -> float:
    """The least cost of demand `weeks` (whole units, a row of 168 hours a week), in hours of one unit at
    the on-demand price, if promises of `term_weeks` at `beta` could be made at the start of any week.

    A promise that outlives the weeks is paid for the part within them.
    """
    count = len(weeks)
    promised = [beta * WEEK_HOURS * min(term_weeks, count - week) for week in range(count)]
    costs, uppers = list(promised), [highspy.kHighsInf] * count
    starts, indices = [0], list[int]()
    for week in range(count):
        indices += range(max(0, week - term_weeks + 1), week + 1)
        for hours, units in _levels(weeks[week]):
            indices.append(len(costs))
            costs.append(float(hours))
            uppers.append(float(units))
        starts.append(len(indices))
    return _solve(costs, uppers, weeks.max(axis=1), starts, indices)


def _levels(hours: Hours) -> list[tuple[int, int]]:
    """What a week's levels cost on demand, from the lowest: (hours in which it is needed, how many such)."""
    needed = len(hours) - np.searchsorted(np.sort(hours), np.arange(1, int(hours.max()) + 1))
    costs, units = np.unique(needed, return_counts=True)
    return list(zip(costs[::-1].tolist(), units[::-1].tolist(), strict=True))


def _solve(
    costs: list[float], uppers: list[float], peaks: Hours, starts: list[int], indices: list[int]
) -> float:
    program: Any = highspy.HighsLp()
    program.num_col_, program.num_row_ = len(costs), len(peaks)
    program.col_cost_, program.col_upper_ = np.array(costs), np.array(uppers)
    program.col_lower_ = np.zeros(len(costs))
    program.row_lower_, program.row_upper_ = peaks, np.full(len(peaks), highspy.kHighsInf)
    program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    program.a_matrix_.start_, program.a_matrix_.index_ = np.array(starts), np.array(indices)
    program.a_matrix_.value_ = np.ones(len(indices))
    solver: Any = highspy.Highs()
    solver.silent()
    solver.passModel(program)
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(solver.getInfo().objective_function_value)
