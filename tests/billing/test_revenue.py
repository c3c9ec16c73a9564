"""Revenue: what came in, added up by the database, which may have a year of everybody's invoices."""

from datetime import UTC, datetime

from sqlalchemy import event

from portal import billing
from portal.billing.models import BillingCustomer, MirroredInvoice
from portal.kit.money import Money
from portal.kit.settings import Payments
from tests.accounts.people import account_of, enrol

JANUARY, FEBRUARY = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
PRO = {"line": "api", "plan": "api-pro", "version": 1, "interval": "month"}
TEST = Payments("sk_test_1", (), "https://api.stripe.com", "test")


def line(amount, offer=None):
    return {
        "text": "x", "amount": amount, "offer": offer, "starts_at": None, "ends_at": None, "proration": False
    }  # fmt: skip


def mirror(session, account_id, mode, invoices):
    """Invoices of an account, each as (paid at, currency, lines)."""
    session.add(
        BillingCustomer(
            id=f"bil_{mode}", account_id=account_id, mode=mode, stripe_account="acct_1", created_at=JANUARY
        )
    )
    session.flush()
    for number, (paid_at, currency, lines) in enumerate(invoices):
        session.add(
            MirroredInvoice(
                id=f"in_{mode}_{number}", customer_id=f"bil_{mode}", status="paid" if paid_at else "open",
                reason="manual", currency=currency, total=1, paid=1, due=0, attempts=1, created_at=JANUARY,
                paid_at=paid_at, lines={"lines": lines}, synced_at=JANUARY,
            )
        )  # fmt: skip
    session.flush()
    session.expunge_all()


def test_revenue_is_added_up_by_month_line_plan_and_currency(session):
    account = account_of(session, enrol(session, "Alice"))
    paid = [line(1900, PRO), line(-400, PRO)]
    mirror(
        session,
        account.id,
        "test",
        [
            (JANUARY, "usd", paid),
            (JANUARY, "usd", paid),
            (JANUARY, "eur", [line(7, PRO)]),
            (FEBRUARY, "usd", [line(5)]),
            (None, "usd", [line(3)]),
            (datetime(2025, 12, 31, tzinfo=UTC), "usd", [line(11)]),
        ],
    )
    mirror(session, account.id, "live", [(JANUARY, "usd", [line(13)])])
    loaded = []
    event.listen(session, "loaded_as_persistent", lambda _, row: loaded.append(row))
    found = billing.earned(session, TEST, since=datetime(2026, 1, 1, tzinfo=UTC))
    assert [(one.month, one.line, one.plan, one.amount, one.invoices) for one in found] == [
        (datetime(2026, 1, 1, tzinfo=UTC), "api", "api-pro", Money(7, "eur"), 1),
        (datetime(2026, 1, 1, tzinfo=UTC), "api", "api-pro", Money(3000), 2),
        (datetime(2026, 2, 1, tzinfo=UTC), None, None, Money(5), 1),
    ]
    assert loaded == []  # there may be hundreds of thousands
