"""Payments: where a person pays, and how a page leads there."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import redirect, render_template
from flask.typing import ResponseReturnValue

from portal.kit.settings import Payments
from portal.web import site

STRIPE_PAGES = ("https://checkout.stripe.com", "https://billing.stripe.com", "https://invoice.stripe.com")


def pages(payments: Payments | None) -> Sequence[str]:
    """The origins of the pages where people pay and change their card."""
    if payments is None:
        return ()
    return (_origin(payments.api_base),) if payments.mode == "sandbox" else STRIPE_PAGES


def leave(url: str, label: str) -> ResponseReturnValue:
    """Lead a form's answer to a page where people pay.

    Browsers follow a form only to origins that the page names. Stripe lets its customers serve these
    pages from addresses of their own: to such a one a link leads, which needs no leave.
    """
    if _origin(url) in pages(site.settings().payments):
        return redirect(url, 303)
    return render_template("billing/leave.html", url=url, label=label)


def _origin(url: str) -> str:
    at = urlsplit(url)
    return f"{at.scheme}://{at.netloc}"
