from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from portal.kit import clock, outbox
from portal.kit.db import unit
from portal.kit.logs import request_id
from portal.kit.outbox import Errand, Fact, Heard, ToldFact

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SOON = NOW + timedelta(seconds=1)


@dataclass(frozen=True)
class GardenWatered(Fact):
    garden: str


TWO = {GardenWatered.name: ["grow", "sing"]}


def told(session, fact):
    with unit(session):
        outbox.tell(session, fact)
    return session.scalar(select(func.max(ToldFact.id)))


def take(session, registered=TWO, *, now=NOW):
    with unit(session):
        return outbox.take(session, registered, now=now)


def hear(session, fact_id, reaction, *, now=NOW):
    with unit(session):
        heard = outbox.hear(session, fact_id, reaction, now=now)
        return outbox.read(heard) if heard else None


def finish(session, fact_id, registered=TWO, *, now=NOW):
    with unit(session):
        return outbox.finish(session, fact_id, registered, now=now)


def test_a_fact_is_told_with_the_transaction_that_makes_it_true(session):
    with pytest.raises(ZeroDivisionError), unit(session):
        outbox.tell(session, GardenWatered("a"))
        _ = 1 / 0
    assert take(session) == []
    fact_id = told(session, GardenWatered("a"))
    assert [errand.fact_id for errand in take(session)] == [fact_id, fact_id]


def test_a_fact_carries_the_id_of_the_request_that_told_it(session):
    token = request_id.set("req_1")
    fact_id = told(session, GardenWatered("a"))
    request_id.reset(token)
    assert take(session) == [Errand(fact_id, "grow", "req_1"), Errand(fact_id, "sing", "req_1")]


def test_what_was_handed_out_is_handed_out_again_after_30_seconds(session):
    told(session, GardenWatered("a"))
    assert len(take(session)) == 2
    assert take(session, now=NOW + timedelta(seconds=29)) == []
    assert len(take(session, now=NOW + timedelta(seconds=30))) == 2


def test_what_fails_and_fails_is_handed_out_less_often(session):
    told(session, GardenWatered("a"))
    for again in range(outbox.PATIENCE):
        assert len(take(session, now=NOW + timedelta(seconds=30) * again)) == 2
    last = NOW + timedelta(seconds=30) * (outbox.PATIENCE - 1)
    assert take(session, now=last + timedelta(minutes=9)) == []
    assert len(take(session, now=last + timedelta(minutes=10))) == 2


def test_only_the_reactions_that_have_not_heard_are_handed_a_fact_again(session):
    fact_id = told(session, GardenWatered("a"))
    take(session)
    hear(session, fact_id, "grow")
    assert [errand.reaction for errand in take(session, now=NOW + timedelta(minutes=1))] == ["sing"]


def test_a_reaction_hears_a_fact_once(session):
    fact_id = told(session, GardenWatered("a"))
    assert hear(session, fact_id, "grow") == GardenWatered("a")
    assert hear(session, fact_id, "grow") is None
    assert hear(session, fact_id, "sing") == GardenWatered("a")


def test_a_reaction_that_fails_has_not_heard(session):
    fact_id = told(session, GardenWatered("a"))
    with pytest.raises(ZeroDivisionError), unit(session):
        outbox.hear(session, fact_id, "grow", now=NOW)
        _ = 1 / 0
    assert hear(session, fact_id, "grow") == GardenWatered("a")


def test_a_fact_is_done_when_every_reaction_has_heard_it(session):
    fact_id = told(session, GardenWatered("a"))
    hear(session, fact_id, "grow")
    assert not finish(session, fact_id)
    hear(session, fact_id, "sing")
    assert finish(session, fact_id)
    assert take(session, now=NOW + timedelta(days=1)) == []


def test_a_fact_whose_worker_died_before_marking_it_done_is_marked_by_the_relay(session):
    fact_id = told(session, GardenWatered("a"))
    hear(session, fact_id, "grow")
    hear(session, fact_id, "sing")
    assert take(session) == []
    assert session.get(ToldFact, fact_id).done_at == NOW


def test_a_fact_without_reactions_is_done_at_once(session):
    fact_id = told(session, GardenWatered("a"))
    assert take(session, {GardenWatered.name: []}) == []
    assert session.get(ToldFact, fact_id).done_at == NOW


def test_a_fact_that_this_worker_does_not_know_is_kept_for_one_that_does(session):
    fact_id = told(session, GardenWatered("a"))
    assert take(session, {}) == []
    assert not finish(session, fact_id, {})
    assert len(take(session)) == 2


def test_two_relays_at_once_share_the_facts(database):
    with database() as first, database() as second:
        told(first, GardenWatered("a"))
        with unit(first):
            mine = outbox.take(first, TWO, now=NOW)
            assert take(second) == []
        assert len(mine) == 2
        assert take(second) == []


def test_done_facts_are_deleted_after_a_month_with_what_was_heard_of_them(session):
    fact_id = told(session, GardenWatered("a"))
    hear(session, fact_id, "grow")
    kept = told(session, GardenWatered("b"))
    finish(session, fact_id, {GardenWatered.name: ["grow"]})
    with unit(session):
        assert outbox.clean(session, now=NOW + outbox.KEPT) == 0
        assert outbox.clean(session, now=NOW + outbox.KEPT + timedelta(seconds=1)) == 1
    assert session.scalars(select(ToldFact.id)).all() == [kept]
    assert session.scalars(select(Heard)).all() == []


def test_a_fact_is_told_by_the_one_clock(session, tmp_path):
    moved = tmp_path / "clock"
    moved.write_text(str(-90 * 86_400 * 1_000_000))
    clock.configure(moved)
    try:
        fact_id = told(session, GardenWatered("a"))
        assert abs(session.get(ToldFact, fact_id).told_at - clock.now()) < timedelta(days=1)
    finally:
        clock.configure(None)
