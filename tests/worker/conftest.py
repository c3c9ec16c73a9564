"""What the worker's tests may ask for: a house on the test engines, and people to write to."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from portal.kit.letterhead import Letterhead
from worker.house import House

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class PushedGate:
    """In the gate's place: keeps the tags that were pushed."""

    def __init__(self):
        self.pushed = []

    def push(self, tag):
        self.pushed.append(tag)


@pytest.fixture
def house(settings, database, redis):
    """A house whose pushes to the gate are kept in `house.gate.pushed`."""
    return House(
        settings=settings,
        sessions=database,
        gate=PushedGate(),
        letterhead=Letterhead(settings.brand, settings.public_url, settings.secret_key),
    )


@pytest.fixture
def furnish():
    """Another house like this one, with other settings."""
    return lambda house, **changes: replace(house, settings=replace(house.settings, **changes))
