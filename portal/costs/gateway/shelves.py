"""What lies in a bucket of S3: listed, and brought here in pieces."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from portal.costs.gateway.speaking import Aws, AwsAway

PIECE = 1 << 20


@dataclass(frozen=True)
class Stored:
    """An object, by its key."""

    key: str
    size: int
    changed_at: datetime


def stored(aws: Aws, bucket: str, prefix: str) -> Iterator[Stored]:
    """What lies under a prefix, by key."""
    for page in aws.pages(
        "s3", "ListObjectsV2", "NextContinuationToken", "ContinuationToken", Bucket=bucket, Prefix=prefix
    ):
        for one in page.get("Contents", ()):
            yield Stored(one["Key"], one["Size"], one["LastModified"])


def fetch(aws: Aws, bucket: str, key: str, into: IO[bytes]) -> None:
    """Write an object into a file, from where that stands; AwsAway when it breaks off."""
    answer = aws.ask("s3", "GetObject", Bucket=bucket, Key=key)
    before = into.tell()
    try:
        shutil.copyfileobj(answer["Body"], into, PIECE)
    except Exception as problem:  # what the library raises here is not only its own
        raise AwsAway(f"s3://{bucket}/{key} broke off: {problem}.") from None
    if into.tell() - before != answer["ContentLength"]:
        raise AwsAway(f"s3://{bucket}/{key} broke off.")
