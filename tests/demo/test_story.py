"""The demo's story: the same people each time, and nothing that could not have happened."""

from datetime import UTC, datetime, timedelta

from demo import cast, story, talks, usage
from demo.history import ACCOUNTS, DAYS, SEED
from demo.people import Staff
from portal.accounts import Actor
from portal.kit.period import add_months

STAFF = Staff(Actor("per_1", "operator"), (Actor("per_2", "agent"), Actor("per_3", "agent")))
TODAYS = [datetime(2026, 1, 1, 15, 30, tzinfo=UTC) + timedelta(days=day) for day in range(800)]
FAMOUS = datetime(2028, 2, 29, 12, tzinfo=UTC)
NOBODYS = (".example.com", ".example.org", ".example.net")


def crowd(seed=SEED):
    leads = story.leads(FAMOUS)
    return cast.crowd(seed, DAYS, ACCOUNTS - len(leads), leads)


def test_the_same_seed_gives_the_same_people():
    assert crowd() == crowd()
    assert crowd(SEED + 1) != crowd()


def test_everybody_is_somebody_else_and_lives_at_an_address_of_nobody():
    everybody = (*story.leads(FAMOUS), *crowd())
    assert len(everybody) == ACCOUNTS
    assert len({part.email for part in everybody}) == len({part.slug for part in everybody}) == ACCOUNTS
    assert all(f".{part.email.partition('@')[2]}".endswith(NOBODYS) for part in everybody)
    assert all(part.email.isascii() and len(part.account) <= 80 for part in everybody)


def test_more_come_each_month():
    joins = [part.joins for part in crowd()]
    assert sum(day < 30 for day in joins) > sum(day >= 60 for day in joins) > 30


def test_whatever_the_day_nothing_happens_to_somebody_who_has_not_come():
    for today in TODAYS:
        leads = {part.slug: part for part in story.leads(today)}
        for part in leads.values():
            assert part.joins < DAYS
            assert part.pays is None or part.pays <= part.joins
        for scene in story.scenes(STAFF, today):
            assert 0 <= scene.days_ago < leads[scene.slug].joins, (today, scene)
        for talk in talks.TALKS:
            assert talk.slug == talks.ANYBODY or talk.days_ago < leads[talk.slug].joins, talk.subject


def test_whatever_the_day_a_payment_failed_within_grace_and_another_is_past_it():
    for today in TODAYS:
        assert 0 <= days_since_renewal(today, 1) < 3 < days_since_renewal(today, 6) < 10


def days_since_renewal(today, wanted):
    """How many days ago the latest renewal was of who pays since the day that the story chose."""
    began = today - timedelta(days=story.renewed(today, wanted))
    return min(
        (today - add_months(began, months)).days for months in (1, 2) if add_months(began, months) <= today
    )


def test_a_week_has_a_rhythm_and_a_quarter_grows():
    office = next(part for part in story.leads(FAMOUS) if part.slug == story.CUSTOMER)

    def week(start):
        days = range(start, start - 7, -1)
        return [
            sum(times for _, times in usage.calls_on(office, SEED, ago, (start - ago) % 7)) for ago in days
        ]

    assert sum(week(20)[5:]) / 2 < sum(week(20)[:5]) / 5 / 1.5
    assert sum(week(7)) > sum(week(70))
    assert week(20) == week(20)
