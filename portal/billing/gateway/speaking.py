"""Stripe's errors, as refusals: what a customer may read, and the detail for the operator."""

from collections.abc import Iterator
from contextlib import contextmanager

import stripe
import structlog

from portal.billing import rules
from portal.kit.errors import Conflict, Missing, Refusal

log = structlog.get_logger(__name__)


class StripeAway(Refusal):
    """Stripe did not answer, or would not let us in: whatever it was may be tried again.

    `detail` is for the operator.
    """

    code = "stripe_away"

    def __init__(self, detail: str) -> None:
        super().__init__("Payments do not answer right now. Nothing was changed: please try again soon.")
        self.detail = detail


class Declined(Conflict):
    """A bank refused a payment; nothing was changed."""

    code = "payment_declined"


class Refused(Conflict):
    """Stripe does not allow it as things stand there; `detail` says why, for the operator."""

    code = "stripe_refused"

    def __init__(self, detail: str) -> None:
        super().__init__(
            "That is not possible as things stand with your payments. Look again in a moment, "
            "and write to us if it stays so."
        )
        self.detail = detail


@contextmanager
def speaking() -> Iterator[None]:
    """Turn Stripe's errors into refusals."""
    try:
        yield
    except stripe.CardError as problem:
        raise Declined(
            rules.declined(problem.code, getattr(problem.error, "decline_code", None))
        ) from problem
    except stripe.InvalidRequestError as problem:
        if problem.code == "resource_missing":
            raise Missing("Stripe does not know it.") from problem
        if problem.http_status == 409:  # the same key is being worked on
            raise StripeAway(_said(problem)) from problem
        log.warning("stripe refused", detail=_said(problem), stripe_request=problem.request_id)
        raise Refused(_said(problem)) from problem
    except stripe.StripeError as problem:
        log.warning("stripe away", detail=_said(problem), stripe_request=problem.request_id)
        raise StripeAway(_said(problem)) from problem


def _said(problem: stripe.StripeError) -> str:
    text = problem.user_message or str(problem)
    return " ".join(f"{type(problem).__name__}: {text}".split())[:500]
