"""How migrations run: as the owner of the tables, one transaction each, never waiting long for a lock."""

import os

from alembic import context
from sqlalchemy import text

from portal import schema
from portal.kit import db, settings

LOCK_TIMEOUT = "4s"


def run() -> None:
    """Migrate over the connection handed in by the caller, else over OWNER_DATABASE_URL."""
    if (connection := context.config.attributes.get("connection")) is not None:
        migrate(connection)
        return
    url = context.config.get_main_option("sqlalchemy.url") or settings.load(os.environ).owner_database_url
    with db.engine(url).connect() as connection:
        migrate(connection)
        connection.commit()


def migrate(connection) -> None:
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=schema.metadata,
        transaction_per_migration=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
