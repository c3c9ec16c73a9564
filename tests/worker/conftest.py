"""What the worker's tests may ask for: a house on the test engines, and people to write to."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from portal.kit.letterhead import Letterhead
from worker.house import House

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def house(settings, database, redis):
    """A house whose pushes to the gate are kept in `house.pushed`."""
    pushed = []
    made = House(
        settings=settings,
        sessions=database,
        redis=redis,
        letterhead=Letterhead(settings.brand, settings.public_url, settings.secret_key),
        push=pushed.append,
    )
    object.__setattr__(made, "pushed", pushed)
    return made


@pytest.fixture
def furnish():
    """Another house like this one, with other settings."""
    return lambda house, **changes: replace(house, settings=replace(house.settings, **changes))
