"""The operator's verbs, for tests that run them on a database of their own."""

import pytest
from click.testing import CliRunner


@pytest.fixture
def upkeep(database, settings, redis, tmp_path):
    """Runs a verb of a group; what else is named is set in its environment."""
    pepper = settings.key_peppers[0]
    environ = {
        "VAR": str(tmp_path / "var"),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key,
        "KEY_PEPPERS": f"{pepper.id}:{pepper.secret.hex()}",
    }
    return lambda group, *words, **more: CliRunner(env=environ | more).invoke(group, words)
