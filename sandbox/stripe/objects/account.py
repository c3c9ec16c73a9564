"""The account, and what moved on it."""

from sandbox.stripe import ACCOUNT
from sandbox.stripe.errors import StripeError
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World

SIMULATED: Obj = {
    "id": ACCOUNT,
    "object": "account",
    "business_profile": {"name": "Simulated", "url": None, "support_email": None},
    "business_type": "company",
    "capabilities": {"card_payments": "active", "transfers": "active"},
    "charges_enabled": True,
    "controller": {"type": "account"},
    "country": "US",
    "created": 1_700_000_000,
    "default_currency": "usd",
    "details_submitted": True,
    "email": "simulated@example.com",
    "metadata": {},
    "payouts_enabled": True,
    "settings": {
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_payments": {
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": "Simulated: no money moves", "timezone": "Etc/UTC"},
        "payments": {
            "statement_descriptor": "SIMULATED",
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
        },
    },
    "type": "standard",
}


@route("GET", "/v1/account")
def account(world: World, params: Obj) -> Obj:
    return dict(SIMULATED)


@route("GET", "/v1/accounts/{account}")
def account_by_id(world: World, params: Obj, account: str) -> Obj:
    if account != ACCOUNT:
        raise StripeError(
            f"The provided key does not have access to account '{account}' (or that account does not exist).",
            status=403,
            code="account_invalid",
        )
    return dict(SIMULATED)


@route("GET", "/v1/balance_transactions/{transaction}")
def balance_transaction(world: World, params: Obj, transaction: str) -> Obj:
    return world.get("balance_transaction", transaction, "id", status=404)


@route("GET", "/v1/balance_transactions", shape(created=Span(), source=Text(), type=Text(), currency=Text()))
def balance_transactions(world: World, params: Obj) -> Obj:
    fields = {name: params.get(name) for name in ("source", "type", "currency")}
    return page(world, params, "balance_transaction", "/v1/balance_transactions", fields=fields)
