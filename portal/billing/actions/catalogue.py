"""The catalogue at Stripe: products, prices with lookup keys, and what Stripe's portal may do."""

from sqlalchemy.orm import Session

from portal import plans
from portal.billing.gateway import Shelf, Stripe
from portal.billing.values import MONTH, YEAR, Offer, Step
from portal.kit.db import unit
from portal.kit.money import Money


def sync_catalogue(session: Session, stripe: Stripe, *, apply: bool) -> list[Step]:
    """What Stripe lacks of the plans on offer; with `apply`, made. Doing it twice does nothing more."""
    with unit(session):
        offered = plans.catalogue(session)
    sold = {
        Offer(plan.line, plan.slug, plan.version, interval): price
        for plan in offered.plans
        for interval, price in ((MONTH, plan.month), (YEAR, plan.year))
        if price is not None
    }
    names = {offer.plan: offered.plan(offer.plan).name for offer in sold}
    steps = [_product(stripe.shelf, plan, name, apply=apply) for plan, name in names.items()]
    standing = stripe.shelf.prices(tuple(sold))
    steps += [
        _price(stripe.shelf, offer, names[offer.plan], price, standing.get(offer), apply=apply)
        for offer, price in sold.items()
    ]
    if stripe.shelf.portal_settings() is not None:
        return [*steps, Step("keep", "portal", "Stripe's portal shows invoices, changes cards, cancels")]
    if apply:
        stripe.shelf.put_portal_settings()
    return [*steps, Step("create", "portal", "Stripe's portal: show invoices, change cards, cancel")]


def product_id(plan: str) -> str:
    """The id of a plan's product: ours to choose, so that it is never made twice."""
    return f"upkeep_{plan}"


def _product(shelf: Shelf, plan: str, name: str, *, apply: bool) -> Step:
    standing = shelf.product(product_id(plan))
    if standing == name:
        return Step("keep", product_id(plan), f"product {name}")
    if apply:
        shelf.put_product(product_id(plan), name, known=standing is not None)
    if standing is None:
        return Step("create", product_id(plan), f"product {name}")
    return Step("update", product_id(plan), f"product {standing}, to be called {name}")


def _price(
    shelf: Shelf, offer: Offer, name: str, price: Money, standing: Money | None, *, apply: bool
) -> Step:
    key = f"{name} version {offer.version}, {price.exact} a {offer.interval}"
    if standing == price:
        return Step("keep", "price", key)
    if standing is not None:
        return Step("wrong", "price", f"{key}: Stripe has {standing.exact}; its lookup key was moved")
    if apply:
        shelf.put_price(offer, product_id(offer.plan), price)
    return Step("create", "price", key)
