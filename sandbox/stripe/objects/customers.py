"""Customers, and what they are owed."""

from sandbox.stripe.billing import buyers, ending, methods
from sandbox.stripe.billing.buyers import find, owe, settle_currency
from sandbox.stripe.errors import invalid
from sandbox.stripe.expanding import ON_REQUEST
from sandbox.stripe.fields import ADDRESS, METADATA, Currency
from sandbox.stripe.listing import Span, page, shape
from sandbox.stripe.rendering import HYDRATE, listed, render
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Choice, Email, Hash, Integer, Kind, Many, Text
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged

CUSTOMER: dict[str, Kind] = {
    "address": ADDRESS,
    "balance": Integer(),
    "business_name": Text(most=150, clear=True),
    "description": Text(clear=True),
    "email": Email(most=512, clear=True),
    "individual_name": Text(most=150, clear=True),
    "invoice_prefix": Text(most=12),
    "invoice_settings": Hash(
        {"default_payment_method": Text(clear=True), "footer": Text(clear=True)},
    ),
    "name": Text(most=256, clear=True),
    "next_invoice_sequence": Integer(1),
    "phone": Text(most=20, clear=True),
    "preferred_locales": Many(Text(), clear=True),
    "tax_exempt": Choice("none", "exempt", "reverse", clear=True),
    **METADATA,
}


@route(
    "POST",
    "/v1/customers",
    {**CUSTOMER, "payment_method": Text(), "test_clock": Text()},
)
def create(world: World, params: Obj) -> Obj:
    customer = buyers.blank(world)
    if clock := params.pop("test_clock", None):
        customer["test_clock"] = world.get("test_helpers.test_clock", clock, "test_clock")["id"]
    method = params.pop("payment_method", None)
    world.save(customer)
    if method:
        attached = methods.attach(world, methods.find(world, method, status=400), customer["id"])
        default = params.get("invoice_settings", {}).get("default_payment_method")
        if default == method:
            params["invoice_settings"]["default_payment_method"] = attached["id"]
    _set(world, customer, params)
    world.save(customer)
    world.tell("customer.created", customer)
    return customer


@route("POST", "/v1/customers/{customer}", CUSTOMER)
def update(world: World, params: Obj, customer: str) -> Obj:
    found = find(world, customer)
    with world.changing(found, "customer.updated"):
        _set(world, found, params)
    return found


@route("GET", "/v1/customers/{customer}")
def retrieve(world: World, params: Obj, customer: str) -> Obj:
    return world.get("customer", customer, "id", status=404)


@route("DELETE", "/v1/customers/{customer}")
def delete(world: World, params: Obj, customer: str) -> Obj:
    found = find(world, customer)
    for subscription in world.store.find("subscription", customer=customer):
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            ending.cancel_now(world, subscription)
    for method in list(world.store.find("payment_method", customer=customer)):
        methods.loosen(world, method)
    world.tell("customer.deleted", found)
    found["deleted"] = True
    world.save(found)
    return found


@route("GET", "/v1/customers", shape(email=Text(), created=Span(), test_clock=Text()))
def index(world: World, params: Obj) -> Obj:
    return page(
        world,
        params,
        "customer",
        "/v1/customers",
        keep=lambda customer: not customer.get("deleted"),
        email=params.get("email"),
        test_clock=params.get("test_clock"),
    )


@route("GET", "/v1/customers/{customer}/payment_methods", shape(type=Text(), allow_redisplay=Text()))
def payment_methods(world: World, params: Obj, customer: str) -> Obj:
    find(world, customer)
    url = f"/v1/customers/{customer}/payment_methods"
    return page(world, params, "payment_method", url, customer=customer, type=params.get("type"))


@route(
    "POST",
    "/v1/customers/{customer}/balance_transactions",
    {
        "amount": Integer(required=True),
        "currency": Currency(required=True),
        "description": Text(most=350),
        **METADATA,
    },
)
def adjust_balance(world: World, params: Obj, customer: str) -> Obj:
    found = find(world, customer)
    settle_currency(world, found, params["currency"])
    return owe(world, found, params["amount"], "adjustment", description=params.get("description"))


@route("GET", "/v1/customers/{customer}/balance_transactions", shape())
def balance_transactions(world: World, params: Obj, customer: str) -> Obj:
    find(world, customer)
    url = f"/v1/customers/{customer}/balance_transactions"
    return page(world, params, "customer_balance_transaction", url, customer=customer)


def _set(world: World, customer: Obj, params: Obj) -> None:
    if (method := params.get("invoice_settings", {}).get("default_payment_method")) is not None:
        param = "invoice_settings[default_payment_method]"
        held = world.get("payment_method", method, param)
        if held["customer"] != customer["id"]:
            raise invalid(
                f"The customer does not have a payment method with the ID {method}. The payment method "
                "must be "
                "attached to the customer.",
                param,
                "resource_missing",
            )
    for name, value in params.items():
        if name == "metadata":
            customer["metadata"] = merged(customer["metadata"], value)
        elif name == "invoice_settings":
            customer["invoice_settings"] = {**customer["invoice_settings"], **value}
        elif name == "balance":
            if value != customer["balance"]:
                owe(world, customer, value - customer["balance"], "adjustment")
        elif name == "preferred_locales":
            customer[name] = value or []
        elif name == "tax_exempt":
            customer[name] = value or "none"
        else:
            customer[name] = value


def _hydrate(world: World, shown: Obj) -> None:
    if shown.get("deleted"):
        id = shown["id"]
        shown.clear()
        shown.update({"id": id, "object": "customer", "deleted": True})


def _subscriptions(world: World, shown: Obj) -> Obj:
    held = [
        render(world, found)
        for found in world.store.find("subscription", customer=shown["id"])
        if found["status"] != "canceled"
    ]
    return listed(held, f"/v1/customers/{shown['id']}/subscriptions", total=len(held))


HYDRATE["customer"] = _hydrate
ON_REQUEST["customer", "subscriptions"] = _subscriptions
ON_REQUEST["customer", "sources"] = lambda world, shown: listed(
    [], f"/v1/customers/{shown['id']}/sources", total=0
)
ON_REQUEST["customer", "tax_ids"] = lambda world, shown: listed(
    [], f"/v1/customers/{shown['id']}/tax_ids", total=0
)
ON_REQUEST["customer", "invoice_credit_balance"] = lambda world, shown: {}
ON_REQUEST["customer", "tax"] = lambda world, shown: {
    "automatic_tax": "unrecognized_location",
    "ip_address": None,
    "location": None,
    "provider": "stripe",
}
