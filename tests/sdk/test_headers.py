"""Limit headers: the SDK says to the letter what the edge says."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from portal import gate
from portal.edge import core, headers
from portal.edge.problems import STATUSES, TITLES
from upkeep_sdk import limits, verdicts
from upkeep_sdk.answers import REASONS
from upkeep_sdk.errors import refusal

NUMBERS = st.integers(0, 10**16)
RATES = st.builds(
    gate.RateState,
    limit=st.integers(1, 1000),
    burst=st.integers(1, 5000),
    remaining=st.integers(0, 5000),
    reset_ms=st.integers(0, 10_000_000),
    retry_ms=st.just(0),
)
MONTHS = st.datetimes(datetime(2030, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
QUOTAS = st.builds(
    gate.QuotaState,
    limit=st.none() | NUMBERS,
    included=NUMBERS,
    used=NUMBERS,
    remaining=st.none() | NUMBERS,
    overage=NUMBERS,
    resets_at=MONTHS.map(lambda at: at.replace(microsecond=0)),
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(gate.CODES)), st.none() | RATES, st.none() | QUOTAS)
def test_the_headers_are_the_edges(code, rate, quota):
    verdict = gate.Verdict(valid=code == "VALID", code=code, ratelimit=rate, quota=quota)
    said = verdicts.read(json.loads(core.verified(verdict, "req_1").body))
    before = datetime.now(UTC)
    ours = limits(said)
    possible = [headers.limits(verdict, before + timedelta(seconds=second)) for second in (0, 1)]
    assert ours in possible
    waits = [headers.retry_after(verdict, before + timedelta(seconds=second)) for second in (0, 1)]
    assert said.wait_seconds in waits


def test_every_refusal_has_the_edges_status_and_title():
    for code in set(gate.CODES) - {"VALID"}:
        problem = refusal(verdicts.Verdict(valid=False, code=code))
        assert (problem.status, REASONS[code][0]) == (STATUSES[code], TITLES[code])


def test_a_code_of_a_newer_upkeep_refuses_all_the_same():
    assert refusal(verdicts.Verdict(valid=False, code="MOON_PHASE")).status == 403
