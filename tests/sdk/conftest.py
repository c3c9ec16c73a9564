"""A running edge for each test, and a client of it."""

import pytest

from tests.edge.door import SERVICE_KEY
from tests.edge.served import Edge, Served
from upkeep_sdk import Client


@pytest.fixture
def edge(redis):
    return Edge(redis)


@pytest.fixture
def book(edge):
    return edge.book


@pytest.fixture
def running(edge):
    with Served(edge.app) as server:
        yield server


@pytest.fixture
def client(running):
    with Client(running.url, SERVICE_KEY, leases=False) as made:
        yield made
