"""Pages: what a customer, or whoever plays Stripe, sees in a browser. No money moves."""

from sandbox.stripe.pages import checkout, control, invoices, portal
from sandbox.stripe.pages.serving import answer

__all__ = ["answer", "checkout", "control", "invoices", "portal"]
