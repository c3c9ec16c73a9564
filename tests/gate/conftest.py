"""What storms on a real gate server need: its environment, and houses with a customer."""

from pathlib import Path

import pytest

from portal.kit import clock
from tests.gate.house import House


@pytest.fixture(scope="module")
def environ(settings):
    pepper = settings.key_peppers[0]
    return {
        "VAR": str(settings.var),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "KEY_PEPPERS": f"{pepper.id}:{pepper.secret.hex()}",
    }


@pytest.fixture
def house(database, redis, settings):
    """Makes a house whose customer has so many calls a month."""
    return lambda included: House(database, settings, included)


@pytest.fixture
def moved(environ):
    """The file of the offset that this process and the gate servers follow."""
    path = Path(environ["VAR"]) / "clock"
    path.write_text("0\n")
    clock.configure(path)
    yield path
    clock.configure(None)
    path.unlink()
