"""Limit headers: structured fields that say which limit binds."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.edge import headers
from portal.gate import QuotaState, RateState, Verdict
from tests.edge.door import NOW, RESETS_AT, VALID

MEMBER = re.compile(r' *"(?P<name>[ !#-\[\]-~]*)"(?P<parameters>(?:;[a-z*][a-z0-9_.*-]*=-?\d{1,15})*) *')


def parsed(field):
    """A structured field that is a list of strings with integer parameters (RFC 9651)."""
    members = {}
    for part in field.split(","):
        match = MEMBER.fullmatch(part)
        assert match, f"{part!r} is no such member"
        pairs = [pair.split("=") for pair in match["parameters"].split(";") if pair]
        members[match["name"]] = {name: int(value) for name, value in pairs}
    return members


def told(rate, quota, code="VALID", now=NOW):
    verdict = VALID._replace(valid=code == "VALID", code=code, ratelimit=rate, quota=quota)
    return dict(headers.limits(verdict, now))


def quota(limit, used):
    return QuotaState(limit, limit or 0, used, None if limit is None else max(0, limit - used), 0, RESETS_AT)


rates = st.builds(
    RateState,
    limit=st.integers(1, 10**6),
    burst=st.integers(1, 10**7),
    remaining=st.integers(0, 10**7),
    reset_ms=st.integers(0, 10**9),
    retry_ms=st.integers(0, 10**9),
)
quotas = st.builds(quota, st.none() | st.integers(0, 10**18), st.integers(0, 10**18))
codes = st.sampled_from(["VALID", "RATE_LIMITED", "QUOTA_EXCEEDED", "SPEND_CAP", "REVOKED"])


@given(st.none() | rates, st.none() | quotas, codes)
def test_whatever_the_verdict_the_fields_parse_and_agree(rate, quota, code):
    said = told(rate, quota, code)
    names = {name for name, there in (("rate", rate), ("month", quota and quota.limit is not None)) if there}
    if not names:
        assert said == {}
        return
    limits, policies = parsed(said["RateLimit"]), parsed(said["RateLimit-Policy"])
    assert limits.keys() == policies.keys() == names
    for name in names:
        assert limits[name].keys() == {"r", "t"} and min(limits[name].values()) >= 0
        assert policies[name].keys() == {"q", "w"} and policies[name]["w"] >= 1
    assert int(said["X-RateLimit-Remaining"]) in {limits[name]["r"] for name in names}
    assert int(said["X-RateLimit-Limit"]) >= 0 and int(said["X-RateLimit-Reset"]) >= 0


def test_nothing_is_said_of_a_key_that_is_not_known():
    assert headers.limits(Verdict(valid=False, code="NOT_FOUND"), NOW) == []


def test_an_unlimited_quota_is_not_named():
    assert parsed(told(RateState(5, 10, 9, 200), quota(None, 7))["RateLimit"]).keys() == {"rate"}


@pytest.mark.parametrize(
    ("left_of_rate", "left_of_month", "code", "limit"),
    [
        (9, 500, "VALID", "10"),
        (9, 9, "VALID", "10"),
        (9, 3, "VALID", "1000"),
        (0, 3, "RATE_LIMITED", "10"),
        (3, 0, "RATE_LIMITED", "10"),
        (0, 7, "QUOTA_EXCEEDED", "1000"),
        (0, 7, "SPEND_CAP", "1000"),
    ],
)
def test_the_older_headers_tell_of_what_binds(left_of_rate, left_of_month, code, limit):
    said = told(RateState(5, 10, left_of_rate, 200), quota(1_000, 1_000 - left_of_month), code)
    assert said["X-RateLimit-Limit"] == limit


@pytest.mark.parametrize(
    ("rate", "seconds"),
    [
        (RateState(5, 10, 10, 0), 0),
        (RateState(5, 10, 9, 200), 1),
        (RateState(1, 10, 2, 7_500), 1),
        (RateState(5, 100, 0, 19_900, retry_ms=100), 1),
        (RateState(1, 1, 0, 1_900, retry_ms=1_900), 2),
    ],
)
def test_the_rate_says_when_one_more_call_may_pass(rate, seconds):
    assert parsed(told(rate, quota(10_000, 3))["RateLimit"])["rate"]["t"] == seconds


def test_the_older_headers_say_when_the_whole_burst_is_there_again():
    assert told(RateState(1, 10, 2, 7_500), quota(10_000, 3))["X-RateLimit-Reset"] == "8"


@given(rates, codes.filter(lambda code: code != "REVOKED"), st.integers(0, 10**9))
def test_retry_after_is_never_earlier_than_the_reset_it_stands_beside(rate, code, used):
    month = quota(1_000, used)
    verdict = VALID._replace(valid=False, code=code, ratelimit=rate, quota=month)
    limits = parsed(told(rate, month, code)["RateLimit"])
    binding = "month" if code in headers.BY_QUOTA else "rate"
    assert headers.retry_after(verdict, NOW) >= limits[binding]["t"]


def test_a_moment_that_has_passed_is_no_negative_wait():
    said = told(None, quota(10, 3), now=RESETS_AT + timedelta(minutes=1))
    assert said["X-RateLimit-Reset"] == "0"


def test_a_part_of_a_second_is_a_second():
    assert headers.seconds_until(NOW + timedelta(microseconds=1), NOW) == 1
    assert headers.seconds_until(NOW + timedelta(seconds=2), NOW) == 2
