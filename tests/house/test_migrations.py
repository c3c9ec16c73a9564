"""Laws of the migrations: numbered, one line of them, and ending where the models are."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, make_url, text

from deploy.local.postgres import OWNER
from portal import schema
from portal.kit import db
from tests.house.reading import ROOT

DATABASE = "house_migrations"


def scripts():
    return ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))


def test_they_are_numbered_and_named_after_their_revision():
    names = sorted(path.name for path in (ROOT / "migrations" / "versions").glob("*.py"))
    revisions = sorted(script.revision for script in scripts().walk_revisions())
    assert revisions == [f"{n:04}" for n in range(1, len(names) + 1)]
    assert [name.split("_")[0] for name in names] == revisions


def test_they_are_one_line_with_one_head():
    assert len(scripts().get_heads()) == 1
    for script in scripts().walk_revisions():
        assert script.down_revision == (
            None if script.revision == "0001" else f"{int(script.revision) - 1:04}"
        )


@pytest.fixture
def connection(engines):
    """The owner's connection to an empty database of its own."""
    server = db.engine(engines.postgres.url("postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as superuser:
        superuser.execute(text(f"CREATE DATABASE {DATABASE} OWNER {OWNER}"))
        url = make_url(engines.postgres.url(OWNER)).set(database=DATABASE)
        bind = db.engine(url.render_as_string(hide_password=False))
        with bind.connect() as owner:
            yield owner
        bind.dispose()
        superuser.execute(text(f"DROP DATABASE {DATABASE} WITH (FORCE)"))
    server.dispose()


def test_the_migrated_schema_equals_the_models(connection):
    migrate(connection, "head")
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    assert compare_metadata(context, schema.metadata) == []


def test_every_step_can_be_taken_back(connection):
    migrate(connection, "head")
    migrate(connection, "base")
    assert inspect(connection).get_table_names() == ["alembic_version"]
    migrate(connection, "head")


def migrate(connection, revision):
    configuration = Config(ROOT / "alembic.ini")
    configuration.attributes["connection"] = connection
    connection.rollback()
    (command.downgrade if revision == "base" else command.upgrade)(configuration, revision)
    connection.commit()
