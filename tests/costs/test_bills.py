"""Bills: read as they are, told anew when they come anew, and never counted twice."""

import csv
import gzip
import io
import re
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from portal import costs
from portal.costs import rules
from portal.costs.models import ChargeRow
from portal.kit.db import unit
from portal.kit.errors import Invalid
from portal.kit.money import Money
from tests.costs.bills import NOW, OSCAR, ROOT, bill, line, real, take, text

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def billed(session, at=NOW):
    return {one.service: (one.billed.amount, one.effective.amount) for one in costs.billed(session, at)}


def exact(session):
    return session.execute(
        select(func.sum(ChargeRow.billed_cost), func.sum(ChargeRow.effective_cost), func.count())
    ).one()


def test_a_bill_counts_to_the_last_digit(session):
    done = take(session, bill(*[line("0.0000012345")] * 3, line("1.10", EffectiveCost="0.70")))
    assert (done.lines_read, done.lines_kept, done.lines_aside) == (4, 4, 0)
    assert exact(session) == (Decimal("1.1000037035"), Decimal("0.7000037035"), 4)
    assert billed(session) == {"Fargate": (110, 70)}
    assert costs.month(session, NOW).total("usd") == Money(110)


@given(st.lists(st.decimals("-1000", "1000", places=7), min_size=1, max_size=30))
def test_services_add_up_to_the_total_to_the_cent(amounts):
    shown = rules.spread(dict(enumerate(amounts)), "usd")
    assert sum(one.amount for one in shown.values()) == round(sum(amounts) * 100)
    assert all(abs(shown[key].amount - amount * 100) < 1 for key, amount in enumerate(amounts))


@pytest.mark.parametrize("packed", [False, True])
def test_the_same_files_again_change_nothing(session, packed):
    first = take(session, bill(line(), packed=packed))
    again = take(session, bill(line(), name="another name.csv", packed=packed))
    assert again.repeated and again.id == first.id and again.lines_kept == 1
    assert exact(session)[2] == 1 and len(costs.imports(session)) == 1


def test_a_month_told_anew_replaces_what_it_was_and_no_other(session):
    take(session, bill(line("5", day="2026-10-01"), line("7"), line("9", BillingAccountId="456")))
    done = take(session, bill(line("8", "RDS"), line("1", "RDS")))
    assert (done.replaced, len(done.bills)) == (1, 1)
    assert billed(session) == {"Fargate": (900, 900), "RDS": (900, 900)}
    assert billed(session, datetime(2026, 10, 5, tzinfo=UTC)) == {"Fargate": (500, 500)}
    assert exact(session)[2] == 4
    assert {bill.replaced_by for bill in costs.bills_of(session, costs.imports(session)[-1].id)} <= {
        None,
        done.id,
    }


def test_what_was_replaced_can_be_brought_back(session):
    take(session, bill(line("5")))
    take(session, bill(line("6")))
    assert not take(session, bill(line("5"))).repeated
    assert billed(session) == {"Fargate": (500, 500)}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"BilledCost": "much"}, "BilledCost is no number: much."),
        ({"BilledCost": "NaN"}, "BilledCost is no number that money can be: NaN."),
        ({"BilledCost": "1e999"}, "BilledCost is no number that money can be: 1e999."),
        ({"EffectiveCost": ""}, "It has no EffectiveCost."),
        ({"ChargePeriodStart": "yesterday"}, "ChargePeriodStart is no moment: yesterday."),
        ({"BillingPeriodStart": "NULL"}, "It has no BillingPeriodStart."),
        ({"BillingCurrency": "gold"}, "BillingCurrency is no currency: gold."),
        ({"Tags": "{"}, "Tags are no JSON: {."),
        ({"ServiceName": "a\0b"}, "It holds a zero byte."),
    ],
)
def test_a_bad_row_is_kept_aside_with_its_line(session, changed, reason):
    done = take(session, bill(line("2"), line(**changed), line("3")))
    [aside] = costs.set_aside(session, done.id)
    assert (aside.file, aside.line, aside.reason) == ("bill.csv", 3, reason)
    assert (done.lines_read, done.lines_kept, done.lines_aside) == (3, 2, 1)
    assert billed(session) == {"Fargate": (500, 500)}


def test_lines_are_counted_as_an_editor_counts_them(session):
    content = text(line(ServiceName="two\nlines"), line(), line()).replace("\r\n", "\n").splitlines()
    content.insert(3, "")
    content[4] += ",more"
    done = take(session, costs.BillFile("a.csv", io.BytesIO("\n".join(content).encode())))
    [aside] = costs.set_aside(session, done.id)
    assert aside.line == 5 and aside.reason == "It has 16 fields where the first line has 15."
    assert done.lines_kept == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "it has no column BilledCost"),
        (b"name,price\nx,1\n", "is no bill in FOCUS columns or of AWS's cost and usage report"),
        (gzip.compress(text(line()).encode() * 50)[:-30], "is damaged"),
        (b"PAR1 and nothing more", "it is a Parquet file that cannot be read to its end"),
    ],
)
def test_what_is_no_bill_is_refused_whole(database, content, sentence):
    with database() as session, pytest.raises(Invalid, match=sentence), unit(session):
        take(session, bill(line()), costs.BillFile("x", io.BytesIO(content)))
    with database() as session:
        assert not costs.imports(session) and exact(session)[2] == 0


def test_a_file_that_unpacks_beyond_the_bound_is_refused(session):
    bomb = bill(*[line(ServiceName="x" * 1000)] * 100, packed=True)
    with pytest.raises(Invalid, match="too large for this page"):
        take(session, bomb, most=50_000)


def test_a_line_without_an_end_is_kept_aside_in_pieces(session):
    content = text(line()).encode() + b'"' + b"x" * (3 << 20)
    done = take(session, costs.BillFile("a.csv", io.BytesIO(content)))
    assert done.lines_kept == 1 and done.lines_aside >= 1
    assert max(len(one.text) for one in costs.set_aside(session, done.id)) <= 2000


def test_parquet_says_the_same_as_csv(session, tmp_path):
    lines = [line("0.1234567891", Tags='{"team": "memory"}'), line("2.50", "RDS", BilledCost="")]
    (tmp_path / "a.csv").write_text(text(*lines))
    path = tmp_path / "a.parquet"
    made = """COPY (SELECT * EXCLUDE Tags, CAST(CAST(Tags AS JSON) AS MAP(VARCHAR, VARCHAR)) AS Tags
              FROM read_csv($1, types={'BilledCost': 'DECIMAL(30,15)'})) TO '%s'"""
    duckdb.execute(made % path, [str(tmp_path / "a.csv")])
    with path.open("rb") as content:
        done = take(session, costs.BillFile("a.parquet", content))
    assert (done.lines_kept, done.lines_aside) == (1, 1)
    assert costs.set_aside(session, done.id)[0].line == 3
    assert exact(session)[0] == Decimal("0.1234567891")
    assert [one.value for one in costs.by_tag(session, NOW, "usd", "team")] == ["memory", None]


def test_tags_add_up_to_the_bill(session):
    lines = [line("1.50", Tags='{"team": "a"}'), line("2.25", Tags='{"team": "b", "env": "x"}'), line("4")]
    take(session, bill(*lines))
    found = [(one.value, one.billed.amount) for one in costs.by_tag(session, NOW, "usd", "team")]
    assert found == [("b", 225), ("a", 150), (None, 400)]
    assert costs.tags(session, NOW, "usd") == ["team", "env"]


CUR = """bill/PayerAccountId,bill/BillingPeriodStartDate,lineItem/UsageAccountId,lineItem/LineItemType,\
lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,lineItem/UnblendedCost,lineItem/CurrencyCode,\
product/ProductName,savingsPlan/SavingsPlanARN,savingsPlan/SavingsPlanEffectiveCost,\
savingsPlan/TotalCommitmentToDate,savingsPlan/UsedCommitment,resourceTags/user:team
1,{m},1,Usage,{d},{e},AmazonRDS,1.25,USD,Amazon RDS,,,,,data
1,{m},1,SavingsPlanCoveredUsage,{d},{e},AmazonECS,1.00,USD,Fargate,arn:sp,0.80,,,
1,{m},1,SavingsPlanNegation,{d},{e},AmazonECS,-1.00,USD,Fargate,arn:sp,,,,
1,{m},1,SavingsPlanRecurringFee,{d},{e},ComputeSavingsPlans,0.90,USD,Savings Plans,arn:sp,,0.90,0.80,
""".format(m="2026-11-01T00:00:00Z", d="2026-11-02T00:00:00Z", e="2026-11-02T01:00:00Z")


def test_a_cost_and_usage_report_is_read_as_focus(session):
    take(session, costs.BillFile("cur.csv", io.BytesIO(CUR.encode())))
    assert billed(session) == {"Amazon RDS": (125, 125), "Savings Plans": (90, 10), "Fargate": (0, 80)}
    assert costs.tags(session, NOW, "usd") == ["team"]


def test_a_typed_cost_gives_way_to_the_bill_that_it_stands_on(session):
    for name, by in (("Database", "aws"), ("Mail", None)):
        month = datetime(2026, 10, 1, tzinfo=UTC)
        costs.add(session, name, name, Money(1000), begins_at=month, billed_by=by, actor=OSCAR, now=NOW)
    take(session, bill(line("12")))
    assert [one.total("usd").amount for one in costs.months(session, NOVEMBER, 1)] == [2200]
    assert costs.month(session, datetime(2026, 10, 3, tzinfo=UTC)).total("usd") == Money(2000)


def test_two_hundred_thousand_rows_are_read_within_a_modest_memory(tmp_path):
    rows = text(*[line(str(number / 1000), f"S{number % 7}") for number in range(1000)]).splitlines(True)
    path = tmp_path / "big.csv.gz"
    with gzip.open(path, "wt", compresslevel=1) as out:
        out.write(rows[0])
        for _ in range(200):
            out.writelines(rows[1:])
    program = """
import resource, sys
from portal.costs.files import BillFile, rows
with open(sys.argv[1], "rb") as content:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(sum(1 for _ in rows(BillFile("big", content), currency="usd")))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", program, path], cwd=ROOT, capture_output=True, text=True)
    count, grown = map(int, done.stdout.split())
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    assert count == 200_000 and grown * unit_bytes < 64 << 20


def _decimals(path, column):
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = csv.DictReader(io.StringIO(content.decode()))
    return sum(Decimal(row[column]) for row in rows if re.match(r"-?\d", row[column]))


def test_the_sample_of_focus_adds_up_to_the_cent(session):
    path = real() / "focus_1_0_sample_1000rows.csv.gz"
    with path.open("rb") as content:
        done = take(session, costs.BillFile(path.name, content))
    assert (done.lines_kept, done.lines_aside) == (1000, 0)
    assert exact(session)[:2] == (_decimals(path, "BilledCost"), _decimals(path, "EffectiveCost"))
    with gzip.open(path, "rt") as content:
        by_month = {}
        for row in csv.DictReader(content):
            at = datetime.fromisoformat(row["BillingPeriodStart"]).replace(tzinfo=UTC)
            key = (at, row["BillingCurrency"].lower())
            by_month[key] = by_month.get(key, 0) + Decimal(row["BilledCost"])
    for (at, currency), amount in by_month.items():
        shown = [one.billed for one in costs.billed(session, at) if one.billed.currency == currency]
        assert sum(one.amount for one in shown) == round(amount * 100)
        assert costs.month(session, at).total(currency).amount == round(amount * 100)


def test_the_worked_examples_of_the_specification_add_up_to_the_cent(session):
    examples = sorted(real().glob("spec_*.csv"))
    assert examples
    for path in examples:
        with path.open("rb") as content:
            done = take(session, costs.BillFile(path.name, content))
        assert done.lines_aside == 0, [one.reason for one in costs.set_aside(session, done.id)]
        found = session.execute(
            select(func.sum(ChargeRow.billed_cost), func.sum(ChargeRow.effective_cost)).where(
                ChargeRow.bill_id.in_(done.bills.values())
            )
        ).one()
        assert tuple(found) == (_decimals(path, "BilledCost"), _decimals(path, "EffectiveCost")), path.name
