"""The worker under real Celery, with each broker that it may be given."""

import json

import pytest
from sqlalchemy import select

from deploy.local.process import wait_until
from portal import accounts
from portal.kit.db import unit
from portal.kit.logs import request_id
from portal.kit.mail import Letter
from portal.kit.outbox import ToldFact, tell
from tests.kit.post_office import Opening
from tests.worker.brokers import RABBITMQ, RabbitMQ, Worker
from tests.worker.stage import someone

BROKERS = ["redis", *(["rabbitmq"] if RABBITMQ else [])]


@pytest.fixture(params=BROKERS)
def broker_url(request, redis, redis_url, tmp_path):
    if request.param == "redis":
        yield redis_url
    else:
        with RabbitMQ(tmp_path) as rabbitmq:
            yield rabbitmq.url


def signed_up(database):
    """Alice, whose address is to be verified, in the name of a request."""
    token = request_id.set("req_of_alice")
    with database() as session, unit(session):
        alice = someone(session, "Alice", verified=False)
        tell(session, accounts.AddressToVerify(alice.id))
    request_id.reset(token)


def test_a_fact_becomes_a_letter_that_is_sent(broker_url, database, settings, tmp_path):
    with (
        Opening() as office,
        Worker(tmp_path, settings, BROKER_URL=broker_url, SMTP_URL=office.url) as worker,
    ):
        worker.start("beat")
        signed_up(database)
        assert wait_until(lambda: office.taken, 30), worker.log
        with database() as session:
            assert wait_until(lambda: settled(session), 30), worker.log
        [(recipients, message)] = office.taken
        assert recipients == ["alice@example.com"]
        assert message["Subject"] == "Confirm your e-mail address"
        assert "/verify/" in message.get_body(("plain",)).get_content()
        lines = [json.loads(line) for line in worker.log.splitlines() if line.startswith("{")]
        followed = {line["event"] for line in lines if line.get("request_id") == "req_of_alice"}
        assert followed == {"fact heard", "letter offered"}


def settled(session):
    session.rollback()
    fact, letter = session.scalars(select(ToldFact)).one(), session.scalars(select(Letter)).one()
    session.refresh(fact)
    session.refresh(letter)
    return fact.done_at is not None and letter.state == "sent"
