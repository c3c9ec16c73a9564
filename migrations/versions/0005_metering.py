"""Windows, the ledger with its batches, events and roll-ups, and what was told of quotas."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

MOMENT = sa.DateTime(timezone=True)
ONLY_ADDED_TO = ("usage_window", "usage_batch", "usage_event", "usage_row", "window_close", "usage_final")
APP = "upkeep_app"


def _text(name: str, **options) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False, **options)


def _number(name: str, *more, **options) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), *more, nullable=options.pop("null", False), **options)


def _moment(name: str, **options) -> sa.Column:
    return sa.Column(name, MOMENT, nullable=False, **options)


def _key(*columns: sa.Column) -> tuple[sa.Column, ...]:
    for column in columns:
        column.primary_key, column.autoincrement = True, False
    return columns


def _sums() -> tuple[sa.Column, ...]:
    return _text("account_id"), _number("units"), _number("calls")


def upgrade() -> None:
    op.create_table(
        "usage_window",
        _number("id", primary_key=True, autoincrement=True),
        _text("account_id"),
        _text("kind"),
        _moment("starts_at"),
        _moment("ends_at"),
        _moment("opened_at"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.UniqueConstraint("account_id", "kind", "starts_at"),
        sa.CheckConstraint("kind IN ('free', 'paid', 'test')", name="kind"),
        sa.CheckConstraint("starts_at < ends_at", name="span"),
    )
    op.create_index("ix_usage_window_ends_at", "usage_window", ["ends_at"])
    op.create_table(
        "usage_batch",
        _number("id", primary_key=True, autoincrement=True),
        _text("tag"),
        _text("gen"),
        _number("minute"),
        _text("account_id"),
        _moment("settled_at"),
        sa.UniqueConstraint("tag", "gen", "minute"),
    )
    op.create_table(
        "usage_event",
        _text("source", primary_key=True),
        _text("event_id", primary_key=True),
        _text("account_id"),
        _moment("taken_at"),
    )
    op.create_index("ix_usage_event_account_id", "usage_event", ["account_id"])
    op.create_table(
        "usage_row",
        _number("id", primary_key=True, autoincrement=True),
        _number("batch_id", sa.ForeignKey("usage_batch.id"), null=True),
        _text("account_id"),
        _number("window_id"),
        _text("key_id"),
        _text("meter"),
        _text("endpoint"),
        _moment("hour"),
        _number("units"),
        _number("calls"),
    )
    op.create_index("ix_usage_row_window_id_meter", "usage_row", ["window_id", "meter"])
    for table, span in (("usage_hour", _moment("hour")), ("usage_day", sa.Column("day", sa.Date()))):
        names = _number("window_id"), _text("meter"), span, _text("key_id"), _text("endpoint")
        op.create_table(table, *_key(*names), *_sums())
    op.create_table("usage_total", *_key(_number("window_id"), _text("meter")), *_sums())
    op.create_table(
        "window_close",
        *_key(_number("window_id", sa.ForeignKey("usage_window.id"))),
        _moment("closed_at"),
    )
    op.create_table(
        "usage_final",
        *_key(_number("window_id", sa.ForeignKey("window_close.window_id")), _text("meter")),
        *_sums(),
    )
    op.create_table(
        "quota_notice",
        *_key(_number("window_id"), _text("meter"), _number("percent")),
        _text("account_id"),
        _moment("told_at"),
    )
    _forbid_changes()


def _forbid_changes() -> None:
    """What is only ever added to cannot be changed by the application at all."""
    for table in ONLY_ADDED_TO:
        op.execute(f"""
            DO $$ BEGIN
                IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP}' AND rolname <> current_user) THEN
                    REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {APP};
                END IF;
            END $$
        """)


TABLES = ["quota_notice", "usage_final", "window_close", "usage_total", "usage_day", "usage_hour"]
TABLES += ["usage_row", "usage_event", "usage_batch", "usage_window"]


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
