"""Suggestions of more kinds than promises: each with a subject, its case in one shape, prices and figures."""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"

MOMENT = sa.DateTime(timezone=True)
STANDING = "uq_suggestion_standing"
ENDED = "realised_at IS NULL AND reverted_at IS NULL AND dismissed_at IS NULL AND expired_at IS NULL"
NAMES = {
    "compute": ("Compute Savings Plan", ["fargate", "elastic container", "amazonecs", "lambda"]),
    "database": ("RDS reserved instances", ["relational database", "amazonrds", "rds"]),
    "cache": ("ElastiCache reserved nodes", ["elasticache"]),
}


def upgrade() -> None:
    op.drop_index(STANDING, "suggestion")
    op.add_column("suggestion", sa.Column("kind", sa.Text(), server_default="commitment", nullable=False))
    op.alter_column("suggestion", "kind", server_default=None)
    op.alter_column("suggestion", "pool", new_column_name="subject")
    op.alter_column("suggestion", "billed_until", new_column_name="known_until")
    op.alter_column("suggestion", "advice", new_column_name="case")
    rows = op.get_bind().execute(sa.text('SELECT id, subject, "case" FROM suggestion')).all()
    for row_id, subject, advice in rows:
        told = json.dumps(case(subject, advice))
        statement = sa.text('UPDATE suggestion SET "case" = CAST(:told AS jsonb) WHERE id = :id')
        op.get_bind().execute(statement, {"told": told, "id": row_id})
    op.create_index(
        STANDING,
        "suggestion",
        ["kind", "subject", "currency"],
        unique=True,
        postgresql_where=sa.text(ENDED),
    )
    op.create_table(
        "rate_told",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("told_at", MOMENT, nullable=False),
    )
    op.create_index("ix_rate_told_name", "rate_told", ["name", "told_at"])
    op.create_table(
        "typed_figures",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("figures", JSONB(), nullable=False),
        sa.Column("typed_at", MOMENT, nullable=False),
        sa.Column("typed_by", sa.Text(), nullable=False),
    )
    op.create_index("ix_typed_figures_name", "typed_figures", ["name", "typed_at"])


def downgrade() -> None:
    op.drop_table("typed_figures")
    op.drop_table("rate_told")
    op.execute("DELETE FROM suggestion")  # what a case says cannot be told from its sentences again
    op.drop_index(STANDING, "suggestion")
    op.alter_column("suggestion", "case", new_column_name="advice")
    op.alter_column("suggestion", "known_until", new_column_name="billed_until")
    op.alter_column("suggestion", "subject", new_column_name="pool")
    op.drop_column("suggestion", "kind")
    op.create_index(
        STANDING, "suggestion", ["pool", "currency"], unique=True, postgresql_where=sa.text(ENDED)
    )


def case(pool: str, advice: dict) -> dict:
    """What an advice about a pool said, in the shape of every kind; what is open is made anew at night."""
    promise = advice["suggested"] or advice["usual"]
    name, services = NAMES.get(pool, (pool, []))
    needed = round(100 * min(1, advice["needed"]))
    rejected = "It pays too rarely." if needed < 100 else "With the odds that you close it never pays."
    record = f"It would have saved money in {promise['saved']} of {promise['tried']} periods of four weeks."
    worst = {"amount": promise["worst"], "words": "is still owed if all use stops tomorrow", "days": 365}
    return {
        "title": name,
        "what": f"Promise {promise['hourly']:.3f} an hour for a year.",
        "why": f"So it was worked out from {advice['days']} days of bills.",
        "saving": {key: promise[key] for key in ("low", "likely", "high")} | {"record": record},
        "worst": worst,
        "break_even": {
            "at": f"{needed} % of hours",
            "words": f"The year is paid for after {advice['break_even_months']:.1f} months of full use.",
        },
        "evidence": {
            "title": "Hours at or above the level",
            "words": "In which share of the hours this level was needed, by how far one looks back.",
            "heading": "Look-back",
            "unit": "percent",
            "series": [[f"{days} days", round(100 * share)] for days, share in advice["above"].items()],
            "line": [needed, f"It pays from {needed} percent on"],
            "columns": [],
            "rows": [],
        },
        "known_from": f"{advice['days']} days of bills",
        "steps": [],
        "undo": "",
        "alternatives": [],
        "checks": [],
        "against": "" if advice["suggested"] else rejected,
        "data": {
            "services": services,
            "level": promise["level"],
            "hourly": promise["hourly"],
            "promised": advice["promised"],
        },
    }
