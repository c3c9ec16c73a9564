"""Work that is sold once."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0006"


def _text(name: str, *more, null: bool = False, **options) -> sa.Column:
    return sa.Column(name, sa.Text(), *more, nullable=null, **options)


def _number(name: str, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _moment(name: str, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def upgrade() -> None:
    op.create_table(
        "one_off",
        _text("id", primary_key=True),
        _text("account_id", sa.ForeignKey("account.id"), index=True),
        _text("text"),
        _number("amount"),
        _text("currency"),
        _number("due_days"),
        _moment("asked_at"),
        _text("invoice_id", null=True, unique=True),
        _moment("invoiced_at", null=True),
        _moment("withdrawn_at", null=True),
        _moment("failed_at", null=True),
        _text("failure", null=True),
        sa.CheckConstraint("amount > 0", name="amount"),
    )


def downgrade() -> None:
    op.drop_table("one_off")
