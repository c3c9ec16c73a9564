"""The customer portal: what it may do, and sessions that lead to it."""

from sandbox.stripe import ids
from sandbox.stripe.billing import buyers
from sandbox.stripe.errors import StripeError, absent, invalid
from sandbox.stripe.fields import METADATA
from sandbox.stripe.listing import page, shape
from sandbox.stripe.objects.subscriptions import FEEDBACK, PRORATIONS
from sandbox.stripe.routes import route
from sandbox.stripe.shapes import Boolean, Choice, Hash, Kind, Many, Text, Url
from sandbox.stripe.store import Obj
from sandbox.stripe.world import World, merged

ENABLED = Boolean(required=True)
FEATURES = Hash(
    {
        "customer_update": Hash(
            {
                "enabled": Boolean(),
                "allowed_updates": Many(
                    Choice("address", "email", "name", "phone", "shipping", "tax_id"), clear=True
                ),
            }
        ),
        "invoice_history": Hash({"enabled": ENABLED}),
        "payment_method_update": Hash({"enabled": ENABLED}),
        "subscription_cancel": Hash(
            {
                "enabled": Boolean(),
                "mode": Choice("at_period_end", "immediately"),
                "proration_behavior": Choice(*PRORATIONS),
                "cancellation_reason": Hash(
                    {"enabled": ENABLED, "options": Many(Choice(*FEEDBACK), clear=True, required=True)}
                ),
            }
        ),
        "subscription_update": Hash({"enabled": Boolean()}),
    }
)
COMMON: dict[str, Kind] = {
    "business_profile": Hash(
        {
            "headline": Text(most=60, clear=True),
            "privacy_policy_url": Url(clear=True),
            "terms_of_service_url": Url(clear=True),
        }
    ),
    "default_return_url": Url(clear=True),
    "login_page": Hash({"enabled": ENABLED}),
    "name": Text(clear=True),
    **METADATA,
}


@route("POST", "/v1/billing_portal/configurations", {**COMMON, "features": FEATURES})
def create(world: World, params: Obj) -> Obj:
    if "features" not in params:
        raise absent("features")
    made: Obj = {
        "id": ids.new("billing_portal.configuration"),
        "object": "billing_portal.configuration",
        "active": True,
        "application": None,
        "business_profile": {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None},
        "created": world.now,
        "default_return_url": None,
        "features": _features({}),
        "is_default": False,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": world.now,
    }
    _set(world, made, params)
    world.save(made)
    world.tell("billing_portal.configuration.created", made)
    return made


@route(
    "POST",
    "/v1/billing_portal/configurations/{configuration}",
    {**COMMON, "features": FEATURES, "active": Boolean()},
)
def update(world: World, params: Obj, configuration: str) -> Obj:
    found = world.get("billing_portal.configuration", configuration, "configuration", status=404)
    with world.changing(found, "billing_portal.configuration.updated"):
        _set(world, found, params)
        found["updated"] = world.now
    return found


@route("GET", "/v1/billing_portal/configurations/{configuration}")
def retrieve(world: World, params: Obj, configuration: str) -> Obj:
    return world.get("billing_portal.configuration", configuration, "configuration", status=404)


@route("GET", "/v1/billing_portal/configurations", shape(active=Boolean(), is_default=Boolean()))
def index(world: World, params: Obj) -> Obj:
    def keep(one: Obj) -> bool:
        return all(params.get(name) in (None, one[name]) for name in ("active", "is_default"))

    url = "/v1/billing_portal/configurations"
    return page(world, params, "billing_portal.configuration", url, keep=keep)


@route(
    "POST",
    "/v1/billing_portal/sessions",
    {
        "customer": Text(required=True),
        "configuration": Text(),
        "return_url": Url(),
        "locale": Text(),
    },
)
def open_session(world: World, params: Obj) -> Obj:
    customer = buyers.find(world, params["customer"], "customer", status=400)
    if wanted := params.get("configuration"):
        configuration = world.get("billing_portal.configuration", wanted, "configuration")
        if not configuration["active"]:
            raise invalid("The configuration is not active.", "configuration")
    else:
        held = world.store.find("billing_portal.configuration", oldest_first=True)
        default = next((one for one in held if one["is_default"]), None)
        if default is None:
            raise StripeError(
                "No configuration provided and your test mode default configuration has not been created. "
                "Provide a "
                "configuration or create your default by saving your customer portal settings in test "
                "mode at "
                "https://dashboard.stripe.com/test/settings/billing/portal."
            )
        configuration = default
    id = ids.new("billing_portal.session")
    session: Obj = {
        "id": id,
        "object": "billing_portal.session",
        "configuration": configuration["id"],
        "created": world.now,
        "customer": customer["id"],
        "flow": None,
        "livemode": False,
        "locale": params.get("locale"),
        "on_behalf_of": None,
        "return_url": params.get("return_url") or configuration["default_return_url"],
        "url": f"{world.base}/portal/{id}",
    }
    world.save(session)
    world.tell("billing_portal.session.created", session)
    return session


def _set(world: World, found: Obj, params: Obj) -> None:
    for name, value in params.items():
        if name == "metadata":
            found["metadata"] = merged(found["metadata"], value)
        elif name == "features":
            asked = {key: {**found["features"][key], **given} for key, given in value.items()}
            found["features"] = _features({**found["features"], **asked})
        elif name == "business_profile":
            found[name] = {**found[name], **value}
        elif name == "login_page":
            if value["enabled"]:
                raise invalid("The sandbox has no login page of the portal.", "login_page[enabled]")
        else:
            found[name] = value
    if found["features"]["subscription_update"].get("enabled"):
        raise invalid(
            "The sandbox's portal does not change plans: it shows invoices, changes cards and cancels.",
            "features[subscription_update][enabled]",
        )


def _features(given: Obj) -> Obj:
    """All features, those not asked for switched off."""
    plain: Obj = {
        "customer_update": {"allowed_updates": [], "enabled": False},
        "invoice_history": {"enabled": False},
        "payment_method_update": {"enabled": False, "payment_method_configuration": None},
        "subscription_cancel": {
            "cancellation_reason": {
                "enabled": False,
                "options": ["too_expensive", "missing_features", "other"],
            },
            "enabled": False,
            "mode": "at_period_end",
            "proration_behavior": "none",
        },
        "subscription_update": {
            "billing_cycle_anchor": None,
            "default_allowed_updates": [],
            "enabled": False,
            "products": [],
            "proration_behavior": "none",
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "end_trial",
        },
    }
    return {name: {**off, **given.get(name, {})} for name, off in plain.items()}
