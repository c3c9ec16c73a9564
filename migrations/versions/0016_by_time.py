"""Usage of all accounts is found by its time: what a platform took in a month, among many months."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    # Rows come roughly in the order of time: a few pages of such an index say where a month lies.
    for table, column in (("usage_hour", "hour"), ("usage_day", "day")):
        op.create_index(
            f"ix_{table}_{column}",
            table,
            [column],
            postgresql_using="brin",
            postgresql_with={"autosummarize": True},
        )


def downgrade() -> None:
    op.drop_index("ix_usage_day_day", "usage_day")
    op.drop_index("ix_usage_hour_hour", "usage_hour")
