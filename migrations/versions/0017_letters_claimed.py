"""Letters that were claimed and are not done with are found without reading all others."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_index(
        "ix_letter_claimed_at",
        "letter",
        ["claimed_at"],
        postgresql_where=(
            "claimed_at IS NOT NULL AND sent_at IS NULL AND failed_at IS NULL AND kept_at IS NULL"
        ),
    )


def downgrade() -> None:
    op.drop_index("ix_letter_claimed_at", table_name="letter")
