"""The gate on a Redis Cluster of three masters: an account lives on one of them, and dies with none other."""

from dataclasses import replace

import pytest
import redis

from deploy.backup import restoring
from deploy.backup.programs import BackupError
from deploy.local.process import wait_until
from portal import accounts, metering, plans
from portal.gate import Question, Unavailable
from portal.gate.masters import slot
from portal.kit import clock
from portal.kit.db import unit
from tests.gate.cluster import Cluster
from tests.gate.house import ROOMY, House, ready, settle, step
from tests.gate.serving import RunningGate, Storm
from tests.plans.people import OPERATOR, account_of


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def here(database, settings, cluster):
    """A house whose gate stands on the cluster."""
    for master in cluster.masters:
        cluster.say(master, "FLUSHALL")
    return House(database, replace(settings, redis_url=cluster.url, gate_cluster=True), 1_000)


@pytest.fixture(scope="module", params=["off", "on"])
def server(request, environ, cluster):
    elsewhere = {"BROKER_URL": environ["REDIS_URL"], "THROTTLE_URL": environ["REDIS_URL"]}
    running = RunningGate(
        {**environ, "REDIS_URL": cluster.url}, **elsewhere, GATE_CLUSTER="on", GATE_LEASES=request.param
    ).start()
    yield running
    assert running.stop() == 0, running.log


def neighbour(here, cluster):
    """Another account, which is kept on another master: its key and its tag."""
    with here.database() as session, unit(session):
        opened = (account_of(session, f"Charlie{number}", clock.now()) for number in range(40))
        mine = cluster.holder_of(here.tag)
        account, tag = next(
            (one, tag)
            for one, tag in ((one, accounts.tag(session, one)) for one in opened)
            if cluster.holder_of(tag) is not mine
        )
        overrides = {**ROOMY, "included": {"calls": 1_000}}
        plans.grant(session, account, "api-pro", OPERATOR, clock.now(), overrides=overrides)
    return here.mint("Charlie's", account), tag


def test_all_that_is_kept_of_an_account_lies_in_the_slot_that_its_master_was_asked_for(cluster, here):
    command = here.gate().door.prepare(Question(here.key)).command
    slots = {cluster.say(cluster.masters[0], "CLUSTER", "KEYSLOT", name) for name in command.keys}
    assert len(command.keys) >= 5 and slots == {slot(command)}


def test_on_a_cluster_a_ceiling_holds_and_what_was_counted_is_settled(server, here, cluster, moved):
    ready(server, here)
    other, tag = neighbour(here, cluster)
    storm = Storm(server.port, here.service, [here.key, other], processes=2, threads=8)
    told = storm.end()
    assert told.keys() <= {"VALID", "QUOTA_EXCEEDED"} and told["VALID"] <= 2_000, told
    more = [admitted_until_refused(server, here, key) for key in (here.key, other)]
    assert told["VALID"] + sum(more) == 2_000
    assert wait_until(lambda: here.balance().held == 0, 20)
    settle(here, moved)
    books = here.balance()
    assert (books.counter, books.ledger, books.unsettled, books.stranded) == (1_000, 1_000, 0, 0)
    assert here.gate().door.peek(tag).counts == (), "the neighbour's master is settled too"


def admitted_until_refused(server, here, key):
    """How many more calls of a key pass, until all that was leased has come back and is used."""
    codes = []
    door = here.gate().door
    tag = here.tag if key == here.key else door.prepare(Question(key)).at.tag

    def over():
        codes.append(server.ask(here.service, key))
        return codes[-1] == "QUOTA_EXCEEDED" and not door.peek(tag).held

    assert wait_until(over, 20), codes
    return codes.count("VALID")


def test_of_a_master_that_is_killed_the_accounts_are_refused_and_all_others_go_on(server, here, cluster):
    ready(server, here)
    other, _ = neighbour(here, cluster)
    assert [server.ask(here.service, key) for key in (here.key, other)] == ["VALID"] * 2
    before = Storm(server.port, here.service, [here.key], processes=1, threads=4, calls=100).end()
    holder = cluster.holder_of(here.tag)
    holder.kill()
    storm = Storm(server.port, here.service, [other], processes=1, threads=4, calls=100)
    assert server.ask(here.service, here.key) is None, "closed by default"
    assert storm.end() == {"VALID": 400}
    cluster.start_again(holder)
    assert wait_until(lambda: server.ask(here.service, here.key) == "VALID", 30), server.log
    after = Storm(server.port, here.service, [here.key], processes=2, threads=4).end()
    assert after.keys() <= {"VALID", "QUOTA_EXCEEDED"}, after
    admitted = 2 + before["VALID"] + after.get("VALID", 0)
    books = here.balance()
    assert admitted <= 1_000 and books.counter <= 1_000
    assert books.counter == books.ledger + books.unsettled + books.held + books.stranded


def test_settling_goes_on_for_the_masters_that_are_there(here, cluster, moved):
    other, tag = neighbour(here, cluster)
    door = here.gate().door
    assert [door.verify(Question(key)).code for key in (here.key, other)] == ["VALID"] * 2
    holder = cluster.holder_of(here.tag)
    holder.kill()
    step(moved, 120_000_000)
    assert metering.settle(here.database, door, now=clock.now()).lines == 1
    assert door.peek(tag).counts == ()
    with pytest.raises(Unavailable):
        door.verify(Question(here.key))
    cluster.start_again(holder)
    assert wait_until(lambda: metering.settle(here.database, door, now=clock.now()).lines == 1, 20)
    assert here.balance().ledger == 1


def test_before_a_restore_every_master_must_forget(cluster, here):
    for number in range(12):
        with redis.RedisCluster.from_url(cluster.url) as client:
            client.set(f"{{{number}}}:account", "later")
    with pytest.raises(BackupError, match="still remembers a later state"):
        restoring.forget(here.settings, allowed=False)
    kept = [cluster.say(master, "DBSIZE") for master in cluster.masters]
    assert sum(kept) == 12 and all(kept)
    restoring.forget(here.settings, allowed=True)
    assert [cluster.say(master, "DBSIZE") for master in cluster.masters] == [0, 0, 0]
