"""The worker under real Celery, with each broker that it may be given."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from deploy.local.process import wait_until
from portal import accounts
from portal.kit.db import unit
from portal.kit.logs import request_id
from portal.kit.mail import Letter
from portal.kit.outbox import ToldFact, tell
from tests.kit.post_office import Opening
from tests.worker.brokers import RABBITMQ, ROOT, RabbitMQ, Worker
from tests.worker.stage import someone

BROKERS = ["redis", *(["rabbitmq"] if RABBITMQ else [])]


@pytest.fixture(scope="module", params=BROKERS)
def running(request, settings, tmp_path_factory):
    """A worker and its beat at this broker, and the mail server that they send to."""
    folder = tmp_path_factory.mktemp("worker")
    with ExitStack() as opened:
        office = opened.enter_context(Opening())
        rabbitmq = request.param == "rabbitmq"
        broker_url = opened.enter_context(RabbitMQ(folder)).url if rabbitmq else settings.redis_url
        worker = Worker(folder, settings, BROKER_URL=broker_url, SMTP_URL=office.url)
        opened.enter_context(worker).start("beat")
        yield SimpleNamespace(office=office, worker=worker, broker=request.param)


def signed_up(database, name="Alice"):
    """Somebody whose address is to be verified, in the name of a request."""
    token = request_id.set("req_of_alice")
    with database() as session, unit(session):
        person = someone(session, name, verified=False)
        tell(session, accounts.AddressToVerify(person.id))
    request_id.reset(token)


def test_a_fact_becomes_a_letter_that_is_sent(running, database, redis):
    running.office.taken.clear()
    signed_up(database)
    assert wait_until(lambda: running.office.taken, 60), running.worker.log
    with database() as session:
        assert wait_until(lambda: settled(session), 60), running.worker.log
    [(recipients, message)] = running.office.taken
    assert recipients == ["alice@example.com"]
    assert message["Subject"] == "Confirm your e-mail address"
    assert "/verify/" in message.get_body(("plain",)).get_content()
    lines = [json.loads(line) for line in running.worker.log.splitlines() if line.startswith("{")]
    followed = {line["event"] for line in lines if line.get("request_id") == "req_of_alice"}
    assert followed == {"fact heard", "letter offered"}


def test_a_worker_goes_on_after_redis_was_wiped(running, database, redis):
    running.office.taken.clear()
    redis.flushall()
    signed_up(database)
    assert wait_until(lambda: len(running.office.taken) == 1, 60), running.worker.log
    with database() as session:
        assert wait_until(lambda: settled(session), 60), running.worker.log


def test_a_worker_without_settings_says_what_is_missing(tmp_path):
    environ = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "worker.app", "worker"],
        cwd=ROOT,
        env=environ | {"VAR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.strip().splitlines()[-1].startswith("DATABASE_URL is not set")


def settled(session):
    session.rollback()
    fact, letter = session.scalars(select(ToldFact)).one(), session.scalars(select(Letter)).one()
    session.refresh(fact)
    session.refresh(letter)
    return fact.done_at is not None and letter.state == "sent"
