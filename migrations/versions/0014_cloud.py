"""What AWS was asked, what runs there, how busy it is, and what stands in for spot capacity."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("bill_import", sa.Column("asked_of", sa.Text()))
    op.create_table(
        "collection",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("begun_at", MOMENT, nullable=False),
        sa.Column("done_at", MOMENT),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.Text()),
    )
    op.create_index("ix_collection_begun_at", "collection", ["kind", "begun_at"])
    op.create_table(
        "cloud_resource",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("read_until", JSONB(), nullable=False),
        sa.Column("first_seen_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("gone_at", MOMENT),
    )
    op.create_table(
        "cloud_load",
        sa.Column("resource_id", sa.Text(), primary_key=True),
        sa.Column("metric", sa.Text(), primary_key=True),
        sa.Column("at", MOMENT, primary_key=True),
        *(
            sa.Column(name, sa.Float(53), nullable=False)
            for name in ("average", "minimum", "maximum", "total", "samples")
        ),
    )
    op.create_table(
        "spot_fallback",
        sa.Column("pair", sa.Text(), primary_key=True),
        *(
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            for name in ("version", "lent", "imagined", "watched", "missing")
        ),
        sa.Column("wanted", sa.BigInteger()),
        *(sa.Column(f"{deed}_at", MOMENT) for deed in ("step", "sent", "seen")),
        *(sa.Column(f"{how}_since", MOMENT) for how in ("short", "calm")),
        sa.Column("problem", sa.Text()),
    )


def downgrade() -> None:
    for table in ("spot_fallback", "cloud_load", "cloud_resource", "collection"):
        op.drop_table(table)
    op.drop_column("bill_import", "asked_of")
