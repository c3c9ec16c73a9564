"""What is due when: tables of what is known, and random cases against an oracle that counts minutes."""

import os
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.kit.hours import Calendar, calendar_from_json, spans
from portal.support import rules
from tests.support import oracle

CASES = int(os.environ.get("CLOCK_CASES", "2000"))
NINE_TO_FIVE, ALL_DAY, NIGHT = ((540, 1020),), ((0, 1440),), ((0, 360), (1320, 1440))
SPLIT = ((480, 750), (810, 1050))
BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


def week(frames, weekend=(), **more):
    return Calendar(
        **{"slug": "c", "name": "C", "zone": "UTC", "days": (frames,) * 5 + (weekend,) * 2, **more}
    )


OFFICE = week(NINE_TO_FIVE)
ALWAYS = week(ALL_DAY, ALL_DAY)
GERMAN = week(NINE_TO_FIVE, zone=BERLIN, holidays="DE")


def at(text, zone="UTC"):
    """A local moment; a trailing * is the second time that it comes."""
    local = datetime.fromisoformat(text.rstrip("*")).replace(tzinfo=ZoneInfo(zone))
    return local.replace(fold=int(text.endswith("*"))).astimezone(UTC)


DUE = {
    "within a day": (OFFICE, "2026-11-23 09:00", 240, "2026-11-23 13:00"),
    "at the very end of a day, not at the next one's beginning": (
        *(OFFICE, "2026-11-23 09:00", 480, "2026-11-23 17:00"),
    ),
    "over night": (OFFICE, "2026-11-23 16:00", 240, "2026-11-24 12:00"),
    "over a weekend": (OFFICE, "2026-11-27 16:30", 60, "2026-11-30 09:30"),
    "opened before work": (OFFICE, "2026-11-23 06:00", 60, "2026-11-23 10:00"),
    "opened after work": (OFFICE, "2026-11-23 17:00", 60, "2026-11-24 10:00"),
    "opened on a weekend": (OFFICE, "2026-11-28 12:00", 1, "2026-11-30 09:01"),
    "three business days": (OFFICE, "2026-11-23 09:00", 1440, "2026-11-25 17:00"),
    "three business days from an afternoon": (OFFICE, "2026-11-26 15:00", 1440, "2026-12-01 15:00"),
    "around the clock": (ALWAYS, "2026-11-28 23:30", 60, "2026-11-29 00:30"),
    "around the clock over days": (ALWAYS, "2026-12-31 12:00", 2880, "2027-01-02 12:00"),
    "a lunch break": (week(SPLIT), "2026-11-23 12:00", 60, "2026-11-23 14:00"),
    "due when lunch begins": (week(SPLIT), "2026-11-23 12:00", 30, "2026-11-23 12:30"),
    "opened at lunch": (week(SPLIT), "2026-11-23 13:00", 30, "2026-11-23 14:00"),
    "a whole split day": (week(SPLIT), "2026-11-23 08:00", 510, "2026-11-23 17:30"),
    "through midnight": (week(NIGHT, NIGHT), "2026-11-23 23:00", 120, "2026-11-24 01:00"),
    "up to midnight": (week(NIGHT, NIGHT), "2026-11-23 23:00", 60, "2026-11-24 00:00"),
    "from midnight": (week(NIGHT, NIGHT), "2026-11-23 07:00", 121, "2026-11-24 00:01"),
    "the end of a month": (ALWAYS, "2026-04-30 23:59", 2, "2026-05-01 00:01"),
    "the end of a short month": (OFFICE, "2027-02-26 16:00", 120, "2027-03-01 10:00"),
    "a leap day is worked": (OFFICE, "2028-02-28 16:00", 120, "2028-02-29 10:00"),
    "a leap day around the clock": (ALWAYS, "2028-02-28 23:00", 1500, "2028-03-01 00:00"),
    "no leap day": (ALWAYS, "2027-02-28 23:00", 60, "2027-03-01 00:00"),
    "a turn of the year": (OFFICE, "2026-12-31 16:30", 60, "2027-01-01 09:30"),
    "public holidays": (GERMAN, "2026-12-24 16:00", 120, "2026-12-28 10:00"),  # 25th, 26th, a weekend
    "a holiday on a Monday": (GERMAN, "2027-03-25 16:00", 120, "2027-03-30 10:00"),  # Easter
    "a holiday of a region": (
        *(week(NINE_TO_FIVE, zone=BERLIN, holidays="DE-BY"), "2027-01-05 16:30", 60, "2027-01-07 09:30"),
    ),
    "the same day elsewhere": (GERMAN, "2027-01-05 16:30", 60, "2027-01-06 09:30"),
    "a further free day": (
        *(week(NINE_TO_FIVE, off=("2026-11-24",)), "2026-11-23 16:30", 60, "2026-11-25 09:30"),
    ),
    "a holiday that is worked": (
        week(NINE_TO_FIVE, zone=BERLIN, holidays="DE", working=("2026-12-25",)),
        *("2026-12-24 16:00", 120, "2026-12-25 10:00"),
    ),
    "free although it would be worked": (
        week(NINE_TO_FIVE, zone=BERLIN, holidays="DE", off=("2026-12-25",), working=("2026-12-25",)),
        *("2026-12-24 16:00", 120, "2026-12-28 10:00"),
    ),
    "clocks go forward outside of work": (
        *(week(NINE_TO_FIVE, zone=BERLIN), "2026-03-27 16:00", 120, "2026-03-30 10:00"),
    ),
    "clocks go forward in a frame": (
        *(week((), ALL_DAY, zone=BERLIN), "2026-03-29 00:00", 180, "2026-03-29 04:00"),
    ),
    "a day of 23 hours": (*(week((), ALL_DAY, zone=BERLIN), "2026-03-29 00:00", 1380, "2026-03-30 00:00"),),
    "a frame that begins in the gap": (
        *(week((), ((150, 240),), zone=BERLIN), "2026-03-29 00:00", 60, "2026-03-29 04:00"),
    ),
    "a frame that ends in the gap": (
        *(week((), ((60, 150),), zone=BERLIN), "2026-03-29 00:00", 61, "2026-04-04 01:01"),
    ),
    "a frame that is all gap": (
        *(week((), ((120, 180),), zone=BERLIN), "2026-03-29 00:00", 1, "2026-04-04 02:01"),
    ),
    "clocks go back in a frame": (
        *(week((), ALL_DAY, zone=BERLIN), "2026-10-25 00:00", 240, "2026-10-25 03:00"),
    ),
    "a day of 25 hours": (*(week((), ALL_DAY, zone=BERLIN), "2026-10-25 00:00", 1500, "2026-10-26 00:00"),),
    "a frame that comes twice": (
        *(week((), ((135, 165),), zone=BERLIN), "2026-10-25 00:00", 31, "2026-10-25 02:16*"),
    ),
    "a frame that ends in the fold": (
        *(week((), ((60, 150),), zone=BERLIN), "2026-10-25 01:00", 91, "2026-10-25 02:01*"),
    ),
    "opened the second time that an hour comes": (
        *(week((), ALL_DAY, zone=BERLIN), "2026-10-25 02:30*", 60, "2026-10-25 03:30"),
    ),
    "clocks go forward in America": (
        *(week((), ALL_DAY, zone=NEW_YORK), "2026-03-08 01:30", 60, "2026-03-08 03:30"),
    ),
    "clocks move by half an hour": (
        *(week(ALL_DAY, ALL_DAY, zone=LORD_HOWE), "2026-10-04 01:00", 120, "2026-10-04 03:30"),
    ),
    "clocks change at midnight": (
        *(week(ALL_DAY, ALL_DAY, zone="America/Havana"), "2026-11-01 00:30", 60, "2026-11-01 00:30*"),
    ),
    "a zone of three quarters": (
        *(week(NINE_TO_FIVE, zone="Asia/Kathmandu"), "2026-11-23 16:30", 60, "2026-11-24 09:30"),
    ),
}


@pytest.mark.parametrize(("calendar", "start", "minutes", "due"), DUE.values(), ids=DUE)
def test_a_clock_is_due_when_its_working_minutes_have_passed(calendar, start, minutes, due):
    begin, expected = at(start, calendar.zone), at(due, calendar.zone)
    assert rules.due_at(begin, minutes, calendar) == expected
    assert oracle.due_at(begin, minutes, calendar) == expected
    assert rules.business_minutes(begin, expected, calendar) == minutes


MONDAY = "2026-11-23"
PAUSED = {
    "a pause within work": ([("10:00", "11:00")], "14:00"),
    "a pause that begins when work does": ([("09:00", "10:00")], "14:00"),
    "a pause before work": ([("07:00", "09:00")], "13:00"),
    "a pause from before work": ([("07:00", "09:30")], "13:30"),
    "a pause that ends when it would be due": ([("12:00", "13:00")], "14:00"),
    "a pause that begins when it is due": ([("13:00", "15:00")], "13:00"),
    "a pause into the night": ([("12:00", "19:00")], "2026-11-24 10:00"),
    "a pause from the end of work": ([("17:00", "19:00")], "13:00"),
    "a pause over night": ([("12:30", "2026-11-24 09:30")], "2026-11-24 10:00"),
    "two pauses": ([("10:00", "10:30"), ("11:00", "11:30")], "14:00"),
    "pauses that touch": ([("10:00", "11:00"), ("11:00", "12:00")], "15:00"),
    "pauses that overlap": ([("10:00", "12:00"), ("11:00", "13:00")], "16:00"),
    "a pause within a pause": ([("10:00", "13:00"), ("11:00", "12:00")], "16:00"),
    "pauses out of order": ([("12:00", "12:30"), ("10:00", "10:30")], "14:00"),
    "a pause of no length": ([("10:00", "10:00")], "13:00"),
    "a pause before the start": ([("08:00", "08:30")], "13:00"),
}


def on_monday(text):
    return at(text if " " in text else f"{MONDAY} {text}")


@pytest.mark.parametrize(("pauses", "due"), PAUSED.values(), ids=PAUSED)
def test_pauses_count_in_working_time(pauses, due):
    found = [(on_monday(begin), on_monday(end)) for begin, end in pauses]
    start, expected = on_monday("09:00"), on_monday(due)
    assert rules.due_at(start, 240, OFFICE, found) == expected
    assert oracle.due_at(start, 240, OFFICE, found) == expected
    assert rules.business_minutes(start, expected, OFFICE, found) == 240


def test_nothing_is_due_while_a_pause_is_open():
    pauses = [(on_monday("10:00"), on_monday("11:00")), (on_monday("12:00"), None)]
    assert rules.due_at(on_monday("09:00"), 240, OFFICE, pauses) is None
    assert rules.business_minutes(on_monday("09:00"), on_monday("16:00"), OFFICE, pauses) == 120


@pytest.mark.parametrize(
    ("minutes", "warned"), [(1, "09:01"), (4, "09:03"), (60, "09:45"), (240, "12:00"), (480, "16:00")]
)
def test_the_warning_comes_a_quarter_before_and_at_most_a_working_hour(minutes, warned):
    assert rules.warn_at(on_monday("09:00"), minutes, OFFICE) == on_monday(warned)


def test_the_warning_comes_in_working_time():
    assert rules.warn_at(at("2026-11-27 16:00"), 90, OFFICE) == at("2026-11-30 09:08")


def test_what_is_kept_of_a_calendar_is_the_calendar():
    assert calendar_from_json(GERMAN.as_json()) == GERMAN
    policy = rules.Policy("support-priority", 1, GERMAN, 240, None, 1440)
    assert rules.policy_from_json(policy.as_json()) == policy


def test_a_year_of_working_time_is_found_at_once():
    start = at("2026-01-01 00:00", BERLIN)
    due = rules.due_at(start, 60 * 1440, week(((540, 600),), zone=BERLIN, holidays="DE"))
    assert due.year == 2031  # 1,440 working days of one hour


ZONES = (
    *("UTC", BERLIN, NEW_YORK, LORD_HOWE, "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham"),
    *("Africa/Casablanca", "America/Havana", "Pacific/Apia", "Australia/Sydney", "Asia/Beirut"),
)
YEARS = at("2026-01-01 00:00"), at("2028-12-31 00:00")


def changes(zone):
    """The days on which the clocks of a zone are changed."""
    info, day, found = ZoneInfo(zone), YEARS[0], []
    while day < YEARS[1]:
        after = day + timedelta(days=1)
        if day.astimezone(info).utcoffset() != after.astimezone(info).utcoffset():
            found.append(day)
        day = after
    return found or [YEARS[0]]


CHANGES = {zone: changes(zone) for zone in ZONES}


def make(pick):
    """A calendar, a start, minutes and pauses, from whole numbers that `pick(low, high)` gives.

    Every second one is near a day when clocks are changed.
    """
    zone = ZONES[pick(0, len(ZONES) - 1)]
    if pick(0, 1):
        start = CHANGES[zone][pick(0, len(CHANGES[zone]) - 1)] + timedelta(minutes=pick(-2880, 2880))
    else:
        start = YEARS[0] + timedelta(minutes=pick(0, (YEARS[1] - YEARS[0]) // timedelta(minutes=1)))
    kinds = [frames(pick) for _ in range(pick(1, 3))]
    days = tuple(kinds[pick(0, len(kinds) - 1)] for _ in range(7))
    weekly = sum(last - first for day in days for first, last in day)
    if weekly < 60:
        days, weekly = (*days[:6], ALL_DAY), weekly + 1440
    off, working = (
        tuple((start + timedelta(days=pick(-3, 20))).date().isoformat() for _ in range(pick(0, 3)))
        for _ in range(2)
    )
    country = ("", "", "DE", "DE-BY", "US", "JP")[pick(0, 5)]
    calendar = Calendar("c", "C", zone, days, country, off, working)
    pauses = []
    for _ in range(pick(0, 4)):
        begin = start + timedelta(minutes=pick(-40, 600) * 15 + pick(0, 1) * pick(0, 14))
        pauses.append((begin, begin + timedelta(minutes=(pick(0, 4000), 0, 15, 480, 1440)[pick(0, 4)])))
    return calendar, start, pick(1, min(3000, weekly * 4)), pauses


def frames(pick):
    """Frames of a day, most of them on quarters of an hour; some touch, some reach to midnight."""
    marks = [pick(0, 96) * 15 if pick(0, 3) else pick(0, 1440) for _ in range(pick(0, 6))]
    marks = sorted(set(marks))
    return tuple(zip(marks[::2], marks[1::2], strict=False))


@st.composite
def cases(draw):
    """The same, in a way that hypothesis can make simpler when one fails."""
    return make(lambda low, high: draw(st.integers(low, high)))


def agree(case):
    calendar, start, minutes, pauses = case
    due = rules.due_at(start, minutes, calendar, pauses)
    assert due == oracle.due_at(start, minutes, calendar, pauses), case
    end = start + (due - start) // 2
    end = end.replace(second=0, microsecond=0)
    counted = oracle.business_minutes(start, end, calendar, pauses)
    assert rules.business_minutes(start, end, calendar, pauses) == counted, case


def test_the_rules_agree_with_an_oracle_that_counts_minutes():
    for seed in range(CASES):
        agree(make(Random(seed).randint))


@settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_the_rules_agree_with_it_wherever_hypothesis_looks(case):
    agree(case)


@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(cases(), st.integers(1, 40))
def test_the_oracle_agrees_with_one_that_takes_a_minute_at_a_time(case, minutes):
    calendar, start, _, pauses = case
    assert oracle.due_at(start, minutes, calendar, pauses) == oracle.slowly(start, minutes, calendar, pauses)


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(cases(), st.integers(0, 59_999_999))
def test_between_two_minutes_it_is_as_exact(case, microseconds):
    calendar, start, minutes, pauses = case
    start += timedelta(microseconds=microseconds)
    due = rules.due_at(start, minutes, calendar, pauses)
    assert rules.worked(start, due, calendar, pauses) == timedelta(minutes=minutes)
    just_before = due - timedelta(microseconds=1)
    assert rules.worked(start, just_before, calendar, pauses) < timedelta(minutes=minutes)


def test_spans_are_in_order_and_never_empty():
    found = spans(week(SPLIT, NIGHT, zone=BERLIN), at("2026-10-24 12:00", BERLIN))
    before = at("2026-10-24 12:00", BERLIN)
    for _, (first, last) in zip(range(100), found, strict=False):
        assert before <= first < last
        before = last
