"""Accounts, the people in them, and how people prove who they are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

MOMENT = sa.DateTime(timezone=True)


def _text(name: str, null: bool = False, to: str | None = None, **options) -> sa.Column:
    return sa.Column(name, sa.Text(), *([sa.ForeignKey(to)] if to else []), nullable=null, **options)


def _moment(name: str, null: bool = False) -> sa.Column:
    return sa.Column(name, MOMENT, nullable=null)


def upgrade() -> None:
    op.create_table(
        "account",
        _text("id", primary_key=True),
        _text("tag"),
        _text("name"),
        sa.Column("version", sa.BigInteger(), nullable=False),
        _moment("created_at"),
        _moment("suspended_at", null=True),
        _text("suspended_by", null=True),
        _text("suspension_reason", null=True),
        _moment("closed_at", null=True),
        _text("closed_by", null=True),
        _moment("observed_at", null=True),
        sa.UniqueConstraint("tag"),
    )
    op.create_table(
        "person",
        _text("id", primary_key=True),
        _text("email"),
        _text("name"),
        _text("password_hash", null=True),
        _moment("created_at"),
        _moment("verified_at", null=True),
        _text("terms_version", null=True),
        _moment("terms_accepted_at", null=True),
        _text("totp_secret", null=True),
        _moment("totp_enabled_at", null=True),
        sa.Column("totp_step", sa.BigInteger()),
        _text("staff_role", null=True),
        sa.Column("letters_off", postgresql.ARRAY(sa.Text()), nullable=False),
        _moment("closed_at", null=True),
    )
    op.create_index(
        "uq_person_email_open",
        "person",
        ["email"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "member",
        _text("account_id", to="account.id", primary_key=True),
        _text("person_id", to="person.id", primary_key=True),
        _text("role"),
        _moment("joined_at"),
    )
    op.create_index("ix_member_person_id", "member", ["person_id"])
    op.create_table(
        "invitation",
        _text("id", primary_key=True),
        _text("account_id", to="account.id"),
        _text("email"),
        _text("role"),
        _moment("invited_at"),
        _text("invited_by", to="person.id"),
        _moment("expires_at"),
        _moment("accepted_at", null=True),
        _text("accepted_by", null=True),
        _moment("revoked_at", null=True),
        _text("revoked_by", null=True),
    )
    op.create_index(
        "uq_invitation_open",
        "invitation",
        ["account_id", "email"],
        unique=True,
        postgresql_where=sa.text("accepted_at IS NULL AND revoked_at IS NULL"),
    )
    op.create_table(
        "sign_in",
        _text("id", primary_key=True),
        _text("fingerprint"),
        _text("person_id", to="person.id"),
        _text("account_id", null=True, to="account.id"),
        _moment("began_at"),
        _moment("seen_at"),
        _moment("proven_at", null=True),
        _moment("remembered_at", null=True),
        _moment("ended_at", null=True),
        _text("address", null=True),
        _text("user_agent", null=True),
        sa.UniqueConstraint("fingerprint"),
    )
    op.create_index("ix_sign_in_person_id", "sign_in", ["person_id"])
    op.create_table(
        "known_place",
        _text("person_id", to="person.id", primary_key=True),
        _text("place", primary_key=True),
        _moment("seen_at"),
    )
    op.create_table(
        "one_time_token",
        _text("fingerprint", primary_key=True),
        _text("purpose"),
        _text("person_id", null=True, to="person.id"),
        _text("subject", null=True),
        _moment("made_at"),
        _moment("expires_at"),
        _moment("used_at", null=True),
    )
    op.create_index("ix_one_time_token_person_id", "one_time_token", ["person_id"])
    op.create_table(
        "recovery_code",
        _text("id", primary_key=True),
        _text("person_id", to="person.id"),
        _text("fingerprint"),
        _moment("made_at"),
        _moment("used_at", null=True),
        sa.UniqueConstraint("person_id", "fingerprint"),
    )
    op.create_table(
        "attempts",
        _text("subject", primary_key=True),
        sa.Column("since", MOMENT, primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=True),
        _moment("at"),
        _text("actor_id", null=True),
        _text("actor"),
        _text("address", null=True),
        _text("action"),
        _text("account_id", null=True),
        _text("subject", null=True),
        _text("reason", null=True),
        sa.Column("data", postgresql.JSONB()),
    )
    op.create_index("ix_audit_account_id_id", "audit", ["account_id", "id"])


TABLES = (
    "audit",
    "attempts",
    "recovery_code",
    "one_time_token",
    "known_place",
    "sign_in",
    "invitation",
    "member",
    "person",
    "account",
)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
