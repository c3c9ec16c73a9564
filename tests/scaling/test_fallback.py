"""What stands in for spot: raised at once, given back slowly, never below its base nor above its most."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.scaling.fallback import HOLD, Bounds, Standing, count_missing, decide

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BOUNDS = Bounds(1, 4)


@pytest.mark.parametrize(
    ("desired", "missing", "lent", "calm_minutes", "after", "lent_after"),
    [
        (1, 0, 0, None, 1, 0),
        (1, 2, 0, None, 3, 2),
        (1, 9, 0, None, 4, 3),
        (0, 0, 0, None, 1, 0),
        (3, 2, 2, None, 3, 2),
        (3, 3, 2, None, 4, 3),
        (3, 0, 2, None, 3, 2),
        (3, 0, 2, 9, 3, 2),
        (3, 0, 2, 10, 1, 0),
        (4, 1, 3, 10, 2, 1),
        (2, 2, 0, None, 4, 2),  # somebody else runs one more: it is theirs
        (3, 0, 1, 10, 2, 0),
        (6, 3, 0, None, 6, 0),  # they run more than the most: let alone, nothing added
        (6, 0, 2, None, 4, 0),  # lent above the most is given back at once
        (1, 0, 3, 10, 1, 0),  # somebody took away what was lent
    ],
)
def test_the_next_step(desired, missing, lent, calm_minutes, after, lent_after):
    calm_since = None if calm_minutes is None else NOW - calm_minutes * MINUTE
    done = decide(desired, missing, Standing(lent, calm_since), BOUNDS, now=NOW)
    assert (done.desired, done.standing.lent) == (after, lent_after)


@pytest.mark.parametrize(
    ("running", "pending", "short_minutes", "missing"),
    [(3, 0, None, 0), (1, 0, None, 2), (1, 2, None, 0), (1, 2, 1, 0), (1, 2, 2, 2), (4, 0, 9, 0)],
)
def test_what_is_being_started_is_not_missing_unless_it_takes_too_long(
    running, pending, short_minutes, missing
):
    since = None if short_minutes is None else NOW - short_minutes * MINUTE
    found, short_since = count_missing(3, running, pending, since, now=NOW)
    assert found == missing and (short_since is None) == (running >= 3)


def test_spot_that_goes_again_within_the_calm_starts_it_anew():
    standing = Standing(2, NOW)
    standing = decide(3, 2, standing, BOUNDS, now=NOW + 9 * MINUTE).standing
    assert standing == Standing(2)
    assert decide(3, 0, standing, BOUNDS, now=NOW + 10 * MINUTE).desired == 3


COUNT = st.integers(0, 12)
PATH = st.lists(st.tuples(COUNT, st.sampled_from([None, -1, 1])), min_size=1, max_size=60)


@settings(max_examples=80, deadline=None)
@given(PATH, st.integers(0, 3), st.integers(0, 5))
def test_whatever_happens_it_stays_within_its_bounds_and_settles(path, base, more):
    """`path`: each minute so many spot tasks are missing, and somebody else sets one task more or fewer."""
    bounds, own, desired, standing, now = Bounds(base, base + more), base, base, Standing(), NOW
    for missing, others in path:
        if others is not None:
            desired = max(0, desired + others)
        before, own = desired, max(base, desired - standing.lent)
        done = decide(desired, missing, standing, bounds, now=now)
        desired, standing, now = done.desired, done.standing, now + MINUTE
        assert desired >= base
        assert desired <= max(bounds.most, own)
        assert standing.lent == desired - own
        assert desired >= min(own + missing, max(bounds.most, own))
        assert before >= base or desired >= before
    missing = path[-1][0]
    for _ in range(HOLD // MINUTE + 2):
        done = decide(desired, missing, standing, bounds, now=now)
        desired, standing, now = done.desired, done.standing, now + MINUTE
    assert desired == own + min(missing, max(0, bounds.most - own))
    assert decide(desired, missing, standing, bounds, now=now).desired == desired
