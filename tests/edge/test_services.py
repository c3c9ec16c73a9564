"""Service keys, known in process memory."""

from threading import Event, Thread

import pytest

from portal.edge.services import Services, Unknown
from portal.kit import tokens
from portal.kit.tokens import Pepper
from tests.edge.door import KEY, PEPPER, SERVICE_KEY, Clock, make_edge

OLD_PEPPER = Pepper("p0", b"fedcba9876543210")


class Table:
    """The service keys that are live; `broken` while they cannot be read."""

    def __init__(self, *live):
        self.live, self.broken, self.reads = set(live), False, 0

    def __call__(self):
        self.reads += 1
        if self.broken:
            raise OSError("PostgreSQL is away")
        return {tokens.digest(token, PEPPER): f"svc_{token[-4:]}" for token in self.live}


def remembered(table, clock, peppers=(PEPPER,), prefixes=("upk",)):
    return Services(table, peppers, prefixes, clock=clock)


def test_a_live_service_key_is_known_by_its_id():
    services = remembered(Table(SERVICE_KEY), Clock())
    assert services.known(SERVICE_KEY) == f"svc_{SERVICE_KEY[-4:]}"


def test_a_revoked_service_key_is_refused_within_a_second():
    table, clock = Table(SERVICE_KEY), Clock()
    services = remembered(table, clock)
    assert services.known(SERVICE_KEY)
    table.live.clear()
    clock.seconds += 1.0
    assert services.known(SERVICE_KEY) is None


def test_a_revoked_service_key_is_refused_within_a_second_after_a_long_silence():
    table, clock = Table(SERVICE_KEY), Clock()
    services = remembered(table, clock)
    assert services.known(SERVICE_KEY)
    clock.seconds += 3_600
    table.live.clear()
    assert services.known(SERVICE_KEY) is None


def test_a_new_service_key_is_known_within_a_second():
    table, clock = Table(), Clock()
    services = remembered(table, clock)
    assert services.known(SERVICE_KEY) is None
    table.live.add(SERVICE_KEY)
    clock.seconds += 1.0
    assert services.known(SERVICE_KEY)


def test_while_the_list_cannot_be_read_the_last_one_is_used():
    table, clock = Table(SERVICE_KEY), Clock()
    services = remembered(table, clock)
    assert services.known(SERVICE_KEY)
    table.broken = True
    for _ in range(600):
        clock.seconds += 1.0
        assert services.known(SERVICE_KEY)
    table.broken = False
    table.live.clear()
    clock.seconds += 1.0
    assert services.known(SERVICE_KEY) is None


def test_a_list_that_cannot_be_read_is_not_asked_for_at_every_call():
    table, clock = Table(SERVICE_KEY), Clock()
    services = remembered(table, clock)
    services.known(SERVICE_KEY)
    table.broken = True
    clock.seconds += 10
    for _ in range(100):
        services.known(SERVICE_KEY)
    assert table.reads == 2


def test_before_any_list_was_read_nobody_is_told_apart():
    table, clock = Table(SERVICE_KEY), Clock()
    table.broken = True
    services = remembered(table, clock)
    with pytest.raises(Unknown):
        services.known(SERVICE_KEY)
    reply = make_edge(service_keys=services).verify({"key": KEY})
    assert (reply.status, reply.json["code"]) == (503, "UNAVAILABLE")
    table.broken = False
    clock.seconds += 1.0
    assert services.known(SERVICE_KEY)


def test_nothing_is_read_for_what_cannot_be_a_service_key():
    table = Table(SERVICE_KEY)
    services = remembered(table, Clock())
    for token in (
        "",
        "upk_svc_",
        KEY,
        SERVICE_KEY[:-1],
        SERVICE_KEY + "x",
        "other" + SERVICE_KEY[3:],
        "\xff",
        "\ud800",
    ):
        assert services.known(token) is None
    assert table.reads == 0


def test_a_stranger_with_a_well_formed_service_key_is_not_known():
    assert remembered(Table(SERVICE_KEY), Clock()).known(tokens.mint_service("upk")) is None


def test_a_key_of_a_consumer_is_no_service_key_even_when_its_digest_is_listed():
    assert remembered(Table(SERVICE_KEY, KEY), Clock()).known(KEY) is None


def test_service_keys_made_with_an_earlier_pepper_or_prefix_stay_valid():
    earlier = tokens.mint_service("old")
    services = remembered(
        lambda: {tokens.digest(earlier, OLD_PEPPER): "svc_old"}, Clock(), (PEPPER, OLD_PEPPER), ("upk", "old")
    )
    assert services.known(earlier) == "svc_old"


def test_nobody_waits_for_a_list_that_is_still_young_enough():
    clock, reading, proceed = Clock(), Event(), Event()
    table = Table(SERVICE_KEY)

    def load():
        if table.reads:  # the second reading takes long
            reading.set()
            assert proceed.wait(30)
        return table()

    services = remembered(load, clock)
    services.known(SERVICE_KEY)
    clock.seconds += 0.6
    slow = Thread(target=services.known, args=(SERVICE_KEY,))
    slow.start()
    assert reading.wait(30)
    assert services.known(SERVICE_KEY)
    proceed.set()
    slow.join(30)
    assert table.reads == 2


def test_nobody_waits_for_a_reading_that_hangs():
    clock, reading, proceed = Clock(), Event(), Event()
    table = Table(SERVICE_KEY)

    def load():
        if table.reads:  # the second reading hangs
            reading.set()
            proceed.wait()
        return table()

    services = remembered(load, clock)
    services.known(SERVICE_KEY)
    clock.seconds += 5
    slow = Thread(target=services.known, args=(SERVICE_KEY,))
    slow.start()
    assert reading.wait(30)
    clock.seconds += 60
    for _ in range(1_000):  # which would take minutes
        assert services.known(SERVICE_KEY)
    proceed.set()
    slow.join(30)
