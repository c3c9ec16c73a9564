"""The check itself, checked: real traffic passes it, and what Stripe would refuse does not."""

import stripe
from stripe.params.billing_portal import ConfigurationCreateParamsFeatures
from stripe.params.checkout import SessionCreateParams

from tests.stripe import data
from tests.stripe.differences import OLDER
from tests.stripe.openapi import expanded, nested


def test_we_speak_the_version_that_the_differences_were_read_for():
    assert stripe.api_version == "2026-10-28.endive"
    assert "allowed_payment_method_types" in SessionCreateParams.__annotations__
    assert "payment_method_types" not in SessionCreateParams.__annotations__
    assert "subscription_pause" in ConfigurationCreateParamsFeatures.__annotations__


def test_bracketed_forms_are_read_as_stripe_reads_them():
    form = "items[0][price]=x&expand[]=a&expand[]=b.c&metadata[k%5B]=&email="
    assert nested(form)["items"] == {"0": {"price": "x"}}
    assert expanded("", form) == ("a", "b.c")
    assert nested(form)["email"] == ""


def test_real_requests_and_answers_fit_the_description():
    data.needed()
    described, found, exchanges = data.description(OLDER), [], 0
    for name, recording in data.recordings().items():
        for one in recording:
            exchanges += 1
            method, path, query, form = one["method"], one["path"], one["query"], one["form"] or ""
            crooked = described.request_problems(method, path, query, form)
            paths = expanded(query, form)
            crooked += described.answer_problems(
                method, path, one["body"], expand=paths, status=one["status"]
            )
            found += [f"{name}: {problem}" for problem in crooked]
    assert exchanges > 100 and not found, found


def test_a_crooked_request_is_named():
    data.needed()
    crooked = {
        ("POST", "/v1/customers", "emial=a@b.example"): "emial: unknown parameter",
        ("POST", "/v1/customers", "balance=much"): "balance: 'much' is not of type integer",
        ("POST", "/v1/customers", "tax_exempt=maybe"): "tax_exempt: 'maybe' is not one of its values",
        ("POST", "/v1/prices", "unit_amount=1"): "currency: missing",
        ("POST", "/v1/subscriptions", "customer=c&items[0][prize]=x"): "items[0][prize]: unknown parameter",
        ("POST", "/v1/subscriptions", "customer=c&proration_behavior=always"): "proration_behavior: 'always'",
        ("POST", "/v1/checkout/sessions", "payment_method_types[0]=card"): "taken away in endive",
        ("GET", "/v1/subscriptions", "coupon=x"): "coupon: unknown parameter",
        ("GET", "/v1/usage_records", ""): "no such operation",
    }
    for (method, path, sent), sentence in crooked.items():
        query, form = (sent, "") if method == "GET" else ("", sent)
        found = list(map(str, data.description().request_problems(method, path, query, form)))
        assert any(sentence in one for one in found), (sent, found)


def test_a_crooked_object_is_named():
    data.needed()
    recorded = data.recordings()["stripe_creates_with_no_card"][0]["body"]

    def problems(**changed):
        body = {name: value for name, value in {**recorded, **changed}.items() if value is not ...}
        return [str(one) for one in data.description().object_problems(body, expand=("tax",))]

    assert problems() == []
    assert problems(paid=True) == ["customer: paid: additional field"]
    assert problems(livemode=...) == ["customer: livemode: missing"]
    assert problems(livemode=None) == ["customer: livemode: null"]
    assert problems(created="today") == ['customer: created: "today" is not of type integer']
    assert problems(tax_exempt="maybe") == ["customer: tax_exempt: 'maybe' is not one of its values"]
    assert problems(test_clock={"id": "clock_1"}) == ["customer: test_clock: whole without being asked for"]
