"""Bills, as they lie in S3: where AWS puts its data exports, a folder for each billing period."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile

from portal.costs import gateway
from portal.costs.files import BillFile
from portal.costs.gateway import Aws, Stored
from portal.kit.errors import Invalid

S3 = "s3://"
BILLS = re.compile(r"\.(csv|csv\.gz|parquet)$", re.IGNORECASE)
PERIOD = re.compile(r"^(.*?(?:BILLING_PERIOD=\d{4}-\d{2}|\d{8}-\d{8}))/")
"""The folder of a billing period: of a data export, or of the older cost and usage report."""


@dataclass(frozen=True)
class Delivery:
    """Files of one bucket that together tell of a billing period."""

    bucket: str
    keys: tuple[str, ...]


def deliveries(aws: Aws, address: str) -> list[Delivery]:
    """What lies under an address such as `s3://bucket/prefix`, the earliest period first.

    Where AWS keeps every version of a period, in folders of their own, the newest counts. What belongs to no
    period is one delivery. Missing when there is no bill, Invalid when it is no address.
    """
    bucket, _, prefix = address.removeprefix(S3).partition("/")
    if not address.startswith(S3) or not bucket:
        raise Invalid("Name a bucket and a prefix, such as s3://my-bills/export.", field="files")
    periods: dict[str, dict[str, list[Stored]]] = {}
    for one in gateway.stored(aws, bucket, prefix):
        if BILLS.search(one.key):
            found = PERIOD.match(one.key)
            folder = one.key.rpartition("/")[0] if found else ""
            periods.setdefault(found[1] if found else "", {}).setdefault(folder, []).append(one)
    if not periods:
        raise Invalid(f"{address} holds no file that ends with .csv, .csv.gz or .parquet.", field="files")
    newest = (max(versions.items(), key=_age)[1] for _, versions in sorted(periods.items()))
    return [Delivery(bucket, tuple(sorted(one.key for one in files))) for files in newest]


def _age(version: tuple[str, list[Stored]]) -> tuple[datetime, str]:
    """When a version was written; of two in one second, the later folder by its name, which is dated."""
    folder, files = version
    return max(one.changed_at for one in files), folder


@contextmanager
def fetched(aws: Aws, delivery: Delivery) -> Iterator[list[BillFile]]:
    """The files of a delivery, on this machine's disk until the indentation ends."""
    with ExitStack() as opened:
        files = []
        for key in delivery.keys:
            copy = opened.enter_context(TemporaryFile())
            gateway.fetch(aws, delivery.bucket, key, copy)
            copy.seek(0)
            files.append(BillFile(key.rpartition("/")[2], copy))
        yield files
