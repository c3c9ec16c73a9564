"""Closing an account while somebody pays: nothing more is charged, what was paid in vain goes back."""

import pytest
from sqlalchemy import select

from portal import accounts, billing
from portal.billing.models import Drift
from portal.kit import clock
from portal.kit.db import unit
from portal.kit.errors import Missing
from portal.kit.mail import Letter
from tests.billing.shop import URL
from tests.billing.till import ACTOR, Template, Till


@pytest.fixture
def till(tmp_path, database, settings, _superuser):
    running = Till(
        tmp_path / "till", Template(tmp_path / "template", database), database, settings, _superuser
    )
    yield running
    running.close()


@pytest.fixture
def alice(till):
    return till.accounts[0]


def close(till, account):
    with till.database() as session, unit(session):
        owner = accounts.owners(session, account)[0]
        name = accounts.get(session, account).name
        accounts.close(session, account, name, actor=accounts.actor(owner), now=clock.now())


def letters(till, name):
    with till.database() as session:
        return session.scalars(select(Letter).where(Letter.template == f"billing/{name}")).all()


def given_back(till):
    return [one.amount for one in till.sandbox.v1.refunds.list().data]


def states(till, account):
    return [one.status for one in till.at_stripe(account).subscriptions]


def test_the_payment_page_of_a_closed_account_takes_no_money(till, alice):
    till.checkout(alice, "api-pro", "month")
    close(till, alice)
    till.follow()
    assert till.sandbox.pay(till.pages[-1]).status == 200
    assert till.at_stripe(alice).charges == []


def test_who_pays_on_an_open_page_after_the_account_was_closed_gets_the_money_back(till, alice):
    till.checkout(alice, "api-pro", "month")
    close(till, alice)
    assert till.sandbox.pay(till.pages[-1]).status == 303, "nobody had time to close the page"
    till.deliver()
    assert states(till, alice) == ["canceled"] and given_back(till) == [1900]
    assert till.held(alice, "api") == "api-free"
    [letter] = letters(till, "paid_in_vain")
    assert letter.to == "alice@example.com" and "$19.00" in letter.text
    assert letters(till, "second_ended") == []
    till.advance("1 month")
    till.advance("2h")
    till.settle()
    assert len(till.at_stripe(alice).invoices) == 1 and given_back(till) == [1900]
    assert len(letters(till, "paid_in_vain")) == 1


def test_without_any_webhook_the_sweep_finds_it_and_the_operator_sees_it(till, alice):
    till.checkout(alice, "api-pro", "month")
    close(till, alice)
    till.sandbox.pay(till.pages[-1])
    till.sandbox.faults(drop=None)
    till.sandbox.deliver_now()
    till.sweep()
    assert states(till, alice) == ["canceled"] and given_back(till) == [1900]
    with till.database() as session:
        told = [row.what for row in session.scalars(select(Drift))]
        [trouble] = billing.troubles(session, till.payments).rows
    assert any("had closed: $19.00 went back" in what for what in told)
    assert (trouble.kind, trouble.account_id) == ("refund", alice)


def test_what_was_paid_and_used_before_the_account_closed_is_kept(till, alice):
    till.checkout(alice, "api-pro", "month")
    till.sandbox.pay(till.pages[-1])
    till.deliver()
    till.advance("10d")
    close(till, alice)
    till.follow()
    assert states(till, alice) == ["canceled"] and given_back(till) == []
    assert letters(till, "paid_in_vain") == []


def test_a_renewal_that_is_charged_before_stripe_heard_of_the_end_goes_back(till, alice):
    till.checkout(alice, "api-pro", "month")
    till.sandbox.pay(till.pages[-1])
    till.deliver()
    till.advance("20d")
    close(till, alice)
    till.advance("1 month")
    till.advance("2h")
    till.deliver()
    assert states(till, alice) == ["canceled"] and given_back(till) == [1900]


def test_an_open_invoice_of_a_closed_account_can_be_paid_by_nobody(till, alice):
    till.checkout(alice, "api-pro", "month")
    till.sandbox.pay(till.pages[-1], "sandbox_worksOnce")
    till.deliver()
    till.advance("1 month")
    till.advance("2h")
    till.deliver()
    close(till, alice)
    till.follow()
    assert [one.status for one in till.at_stripe(alice).invoices] == ["void", "paid"]


def test_a_page_that_is_opened_while_the_account_closes_is_closed_again(till, alice):
    """The process that asks for the page has looked at the account before it closed."""
    real = till.stripe

    class Slow:
        def __getattr__(self, name):
            return getattr(real, name)

        def open_checkout(self, *arguments, **options):
            opened = real.open_checkout(*arguments, **options)
            close(till, alice)
            till.stripe = real
            till.follow()
            return opened

    till.stripe = Slow()
    with pytest.raises(Missing):
        till.do(billing.checkout, alice, "api-pro", "month", public_url=URL, actor=ACTOR)
    assert [one.status for one in till.at_stripe(alice).sessions] == ["expired"]


def test_a_closed_account_opens_no_page(till, alice):
    close(till, alice)
    with pytest.raises(Missing):
        till.checkout(alice, "api-pro", "month")
    assert till.at_stripe(alice).sessions == []
