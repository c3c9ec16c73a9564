"""Bills in S3: found as AWS's data exports lay them, the newest of each period, brought in once."""

import gzip

import duckdb
import pytest

from portal import costs
from portal.cli.costs import costs_group
from portal.kit.errors import Invalid
from tests.costs import clouds
from tests.costs.bills import NOW, line, take, text
from tests.costs.verbs import upkeep

__all__ = ["upkeep"]


@pytest.fixture
def shelf(aws_url):
    """Puts a file into the bucket `bills`."""
    made = clouds.client(aws_url, "s3", "us-east-1")
    made.create_bucket(Bucket="bills")
    return lambda key, *lines: made.put_object(
        Bucket="bills", Key=key, Body=gzip.compress(text(*lines).encode(), mtime=0)
    )


def keys(aws, address="s3://bills/export"):
    return [delivery.keys for delivery in costs.deliveries(aws, address)]


def test_each_period_is_a_delivery_and_the_newest_version_of_it_counts(aws, shelf):
    for key in (
        "export/bills/data/BILLING_PERIOD=2026-11/20261102-a/bills-00001.csv.gz",
        "export/bills/data/BILLING_PERIOD=2026-10/bills-00001.csv.gz",
        "export/bills/data/BILLING_PERIOD=2026-10/bills-00002.csv.gz",
        "export/bills/metadata/BILLING_PERIOD=2026-10/bills-Manifest.json",
        "export/cur/20260901-20261001/0b1c/cur-1.csv.gz",
        "export/bills/data/BILLING_PERIOD=2026-11/20261103-b/bills-00001.csv.gz",
        "elsewhere/bills.csv.gz",
    ):
        shelf(key, line())
    found = keys(aws)
    assert [len(one) for one in found] == [2, 1, 1]
    assert "20261103-b" in found[1][0] and "cur-1" in found[2][0]


@pytest.mark.parametrize("address", ["s3://", "s3://bills/export"])
def test_where_no_bill_lies_it_is_said(aws, shelf, address):
    shelf("export/readme.txt")
    with pytest.raises(Invalid):
        costs.deliveries(aws, address)


def test_they_are_imported_by_command_and_again_changes_nothing(upkeep, aws_url, shelf, database):
    shelf("export/data/BILLING_PERIOD=2026-10/a.csv.gz", line("1", day="2026-10-03"))
    shelf("export/data/BILLING_PERIOD=2026-11/a.csv.gz", line("2"))
    environ = clouds.environ(aws_url)
    done = upkeep(costs_group, "import", "s3://bills/export", **environ)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "October 2026: AWS, account 123",
        "1 rows read, 1 kept, 0 set aside.",
        "November 2026: AWS, account 123",
        "1 rows read, 1 kept, 0 set aside.",
    ]
    again = upkeep(costs_group, "import", "s3://bills/export", **environ)
    assert again.output.count("Nothing was changed.") == 2
    refused = upkeep(costs_group, "import", "s3://nowhere/export", **environ)
    assert refused.exit_code == 1 and "s3:ListBucket" in refused.output
    assert upkeep(costs_group, "import", "s3://bills/export").exit_code == 1


def test_parquet_is_read_from_there_as_well(aws, aws_url, shelf, session, tmp_path):
    path = tmp_path / "a.parquet"
    csv = tmp_path / "a.csv"
    csv.write_text(text(line("2.5")))
    duckdb.execute(f"COPY (FROM read_csv('{csv}', all_varchar = true)) TO '{path}' (FORMAT parquet)")
    bucket = clouds.client(aws_url, "s3", "us-east-1")
    bucket.put_object(Bucket="bills", Key="x/BILLING_PERIOD=2026-11/a.snappy.parquet", Body=path.read_bytes())
    [delivery] = costs.deliveries(aws, "s3://bills/x")
    with costs.fetched(aws, delivery) as files:
        assert take(session, *files).lines_kept == 1
    assert costs.month(session, NOW).total("usd").amount == 250
