"""Bills to bring in: small ones made here, and real ones beside the checkout when at hand."""

import csv
import gzip
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal import accounts, costs

ROOT = Path(__file__).resolve().parents[2]
NOT_RUN = "REAL BILLS NOT READ"
OSCAR = accounts.Actor(None, "oscar@example.com")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
COLUMNS = (
    "ProviderName", "BillingAccountId", "BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd",
    "BillingCurrency", "ServiceName", "ChargeCategory", "PricingCategory", "BilledCost", "EffectiveCost",
    "PricingUnit", "ContractedCost", "CommitmentDiscountStatus", "Tags",
)  # fmt: skip


def real(folder="focus"):
    """A folder of real data; a test that needs it is reported as not run when it is not there."""
    named = os.environ.get("UPKEEP_DATA")
    data = (Path(named) if named else ROOT.parent / "shared" / "data") / folder
    if not data.is_dir():
        pytest.skip(f"{NOT_RUN}: they are not at hand (UPKEEP_DATA names a folder)")
    return data


def line(cost="1.00", service="Fargate", day="2026-11-03", **more):
    """A line of a bill, as FOCUS names its fields."""
    return {
        "ProviderName": "AWS",
        "BillingAccountId": "123",
        "BillingPeriodStart": f"{day[:7]}-01T00:00:00Z",
        "ChargePeriodStart": f"{day}T00:00:00Z",
        "ChargePeriodEnd": f"{day}T01:00:00Z",
        "BillingCurrency": "USD",
        "ServiceName": service,
        "ChargeCategory": "Usage",
        "PricingCategory": "Standard",
        "BilledCost": cost,
        "EffectiveCost": cost,
        "PricingUnit": "Hours",
        "ContractedCost": cost,
        "CommitmentDiscountStatus": "",
        "Tags": "",
    } | more


def text(*lines, columns=COLUMNS):
    """Lines as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def bill(*lines, name="bill.csv", packed=False, columns=COLUMNS):
    """A file of these lines."""
    content = text(*lines, columns=columns).encode()
    return costs.BillFile(name, io.BytesIO(gzip.compress(content, mtime=0) if packed else content))


def take(session, *files, now=NOW, **options):
    """Bring files in, as Oscar."""
    return costs.take_bills(session, files, **{"currency": "usd", "actor": OSCAR, "now": now} | options)
