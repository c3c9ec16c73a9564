"""Who waits for whom in the database."""

from sqlalchemy import text

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


def somebody_waits(database):
    """Whether a statement waits for what another transaction holds."""
    with database() as session:
        return session.scalar(WAITING) > 0
