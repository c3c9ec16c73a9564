"""A suggestion's life: open, accepted, applied, measured from charge rows, realised; or none of that."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from deploy.local.process import wait_until
from portal import scaling, sustainability
from portal.kit.db import unit
from portal.kit.errors import Conflict, Invalid, Missing
from portal.kit.money import Money
from tests.costs.bills import OSCAR, bill, line, take
from tests.waiting import somebody_waits

NOW = datetime(2026, 11, 1, 3, tzinfo=UTC)
DAY = timedelta(days=1)
SURE = (1.0,) * 12
RDS = "Amazon Relational Database Service"


def day_of(at, cost="2.40", **more):
    """A day's use of a database, a tenth of a dollar an hour."""
    fields = {"ChargePeriodEnd": f"{at + DAY:%Y-%m-%d}T00:00:00Z", **more}
    return line(cost, RDS, f"{at:%Y-%m-%d}", **fields)


def past(days=60, cost="2.40"):
    begin = NOW.replace(hour=0) - days * DAY
    return [day_of(begin + number * DAY, cost) for number in range(days)]


@pytest.fixture
def one(session):
    """The id of an open suggestion from sixty days of steady use."""
    take(session, bill(*past()), now=NOW)
    [found] = scaling.suggest(session, "usd", SURE, now=NOW)
    return found


def shown(session, one, now=NOW):
    return scaling.suggestion(session, one, now=now)


def act(session, verb, *arguments, now=NOW):
    verb(session, *arguments, actor=OSCAR, now=now)


def test_steady_use_is_suggested_with_saving_worst_case_and_both_texts(session, one):
    found = shown(session, one)
    assert (found.row.subject, found.state, found.case.known_from) == ("database", "open", "60 days of bills")
    assert found.case.what == "Promise $0.070 an hour for a year."
    saving = found.saving
    assert (saving.low, saving.high, found.worst) == (Money(16_13), Money(21_90), Money(613_20))
    assert found.ends_at == NOW + 365 * DAY and found.case.break_even.at == "70 % of hours"
    texts = dict(found.steps)
    assert "0.070 USD an hour" in texts["Buy"] and "aws_rds_reserved_instance" in texts["Terraform"]


def test_a_second_night_tells_nothing_new(session, one):
    assert scaling.suggest(session, "usd", SURE, now=NOW + DAY) == []
    assert shown(session, one).row.refreshed_at == NOW + DAY


def test_what_is_not_worth_it_any_more_expires(session, one):
    scaling.suggest(session, "usd", (0.1,) * 12, now=NOW)
    assert shown(session, one).state == "rejected"
    take(session, bill(*past(cost="0.0001")), now=NOW)
    scaling.suggest(session, "usd", SURE, now=NOW)
    assert shown(session, one).state == "expired"


def covered(days):
    """The same use, paid by a commitment at seven tenths of its price, of which a tenth went unused."""
    used = {"EffectiveCost": "1.512", "ContractedCost": "2.40", "CommitmentDiscountStatus": "Used"}
    unused = {"EffectiveCost": "0.168", "ContractedCost": "0", "CommitmentDiscountStatus": "Unused"}
    span = [NOW.replace(hour=0) + number * DAY for number in range(days)]
    return [day_of(at, "0", **fields) for at in span for fields in (used, unused)]


def test_it_is_walked_from_open_to_realised_and_what_it_saved_is_read_from_charge_rows(session, one):
    act(session, scaling.accept, one)
    assert shown(session, one).state == "accepted"
    act(session, scaling.apply, one)
    assert shown(session, one).state == "applied"
    take(session, bill(*covered(5)), now=NOW + 6 * DAY)
    scaling.suggest(session, "usd", SURE, now=NOW + 6 * DAY)
    found = shown(session, one)
    assert (found.state, found.row.measured_days, found.saved) == ("measuring", 5, Money(3_60))
    take(session, bill(*covered(14)), now=NOW + 15 * DAY)
    scaling.suggest(session, "usd", SURE, now=NOW + 15 * DAY)
    found = shown(session, one)
    assert (found.state, found.row.measured_days, found.saved) == ("realised", 14, Money(10_08))
    assert found.row.accepted_by == OSCAR.label


def test_what_was_accepted_is_seen_on_the_bill_when_it_is_covered(session, one):
    act(session, scaling.accept, one)
    take(session, bill(*past()), now=NOW + DAY)
    scaling.suggest(session, "usd", SURE, now=NOW + DAY)
    assert shown(session, one).state == "accepted"
    take(session, bill(*covered(5)), now=NOW + 6 * DAY)
    scaling.suggest(session, "usd", SURE, now=NOW + 6 * DAY)
    found = shown(session, one)
    assert (found.state, found.row.applied_at, found.row.applied_by) == ("measuring", NOW, "seen on the bill")


def test_what_is_covered_is_not_suggested_again(session, one):
    act(session, scaling.apply, one)
    take(session, bill(*covered(30)), now=NOW + 31 * DAY)
    for nights in (31, 32):
        assert scaling.suggest(session, "usd", SURE, now=NOW + nights * DAY) == []


def test_what_was_accepted_does_not_change_any_more(session, one):
    act(session, scaling.accept, one)
    scaling.suggest(session, "usd", (0.1,) * 12, now=NOW + DAY)
    assert shown(session, one).state == "accepted" and not shown(session, one).case.against


def test_what_the_cash_does_not_cover_at_worst_is_not_suggested(session):
    take(session, bill(*past()), now=NOW)
    [found] = scaling.suggest(session, "usd", SURE, now=NOW, cash=600.0)
    assert shown(session, found).state == "rejected" and "cash" in shown(session, found).case.against
    scaling.suggest(session, "usd", SURE, now=NOW, cash=700.0)
    assert shown(session, found).state == "open"


def test_it_is_dismissed_with_a_reason_and_left_alone(session, one):
    with pytest.raises(Invalid):
        act(session, scaling.dismiss, one, " ")
    act(session, scaling.dismiss, one, "We move away.")
    assert (shown(session, one).state, shown(session, one).row.reason) == ("dismissed", "We move away.")
    assert scaling.suggest(session, "usd", SURE, now=NOW + 59 * DAY) == []
    assert len(scaling.suggest(session, "usd", SURE, now=NOW + 61 * DAY)) == 1


def test_it_is_put_aside_and_comes_back(session, one):
    act(session, scaling.snooze, one)
    assert shown(session, one, NOW + 29 * DAY).state == "snoozed"
    assert shown(session, one, NOW + 31 * DAY).state == "open"


def test_two_nights_at_once_suggest_it_once(database):
    with database() as session, unit(session):
        take(session, bill(*past()), now=NOW)

    def night():
        with database() as session, unit(session):
            return scaling.suggest(session, "usd", SURE, now=NOW)

    with ThreadPoolExecutor(1) as pool, database() as first:
        assert len(scaling.suggest(first, "usd", SURE, now=NOW)) == 1
        second = pool.submit(night)
        assert wait_until(lambda: second.done() or somebody_waits(database), 30)
        first.commit()
        assert second.result(30) == []


def test_it_is_undone(session, one):
    act(session, scaling.apply, one)
    act(session, scaling.revert, one)
    assert shown(session, one).state == "reverted"


def test_what_cannot_be_done_is_refused(session, one):
    act(session, scaling.dismiss, one, "No.")
    for verb in (scaling.accept, scaling.apply, scaling.snooze, scaling.revert):
        with pytest.raises(Conflict):
            act(session, verb, one)
    with pytest.raises(Missing):
        act(session, scaling.accept, "sug_nothing")


def test_storage_and_requests_are_no_demand(session):
    take(session, bill(*[day_of(NOW - n * DAY, PricingUnit="GB-Mo") for n in range(1, 60)]), now=NOW)
    assert scaling.suggest(session, "usd", SURE, now=NOW) == []


def test_the_odds_are_typed_and_decide(session):
    odds = sustainability.odds(session, None, "usd", now=NOW)
    assert (odds.percent, odds.typed_at, odds.runway) == (2, None, None)
    act(session, sustainability.type_hazard, 100)
    take(session, bill(*past()), now=NOW)
    [found] = sustainability.suggest(session, None, "usd", now=NOW)
    assert shown(session, found).state == "rejected"
    act(session, sustainability.type_hazard, 0, now=NOW + DAY)
    sustainability.suggest(session, None, "usd", now=NOW + DAY)
    assert shown(session, found).state == "open"
    with pytest.raises(Invalid):
        act(session, sustainability.type_hazard, 101)
