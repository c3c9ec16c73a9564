"""Asking: keys, versions, idempotency, pages, expansion and errors, as Stripe has them."""

import base64
import json

import pytest
import requests
import stripe

from tests.sandboxed import StripeSandbox


def raw(stripe_sandbox, method, path, body=None, **headers):
    """A request by hand: status, headers, JSON."""
    wanted = {"Authorization": f"Bearer {stripe_sandbox.key}", **headers}
    reply = requests.request(method, stripe_sandbox.base + path, data=body, headers=wanted, timeout=10)
    return reply.status_code, reply.headers, reply.json()


@pytest.mark.parametrize(
    ("header", "words"),
    [("", "You did not provide an API key"), ("Bearer sk_sandbox_wrong_one", "Invalid API Key provided")],
)
def test_a_wrong_key_is_refused(stripe_sandbox, header, words):
    status, _, body = raw(stripe_sandbox, "GET", "/v1/customers", Authorization=header)
    assert status == 401
    assert body["error"]["message"].startswith(words)
    assert stripe_sandbox.key not in json.dumps(body)


def test_a_real_key_never_gets_in(stripe_sandbox):
    status, _, body = raw(
        stripe_sandbox, "GET", "/v1/customers", Authorization="Bearer sk_live_abcdefghijklmn"
    )
    assert status == 401
    assert "abcdefghijklmn" not in body["error"]["message"]


def test_the_key_may_come_as_a_name_without_password(stripe_sandbox):
    basic = base64.b64encode(f"{stripe_sandbox.key}:".encode()).decode()
    assert raw(stripe_sandbox, "GET", "/v1/account", Authorization=f"Basic {basic}")[0] == 200
    assert raw(stripe_sandbox, "GET", "/v1/account", Authorization="Basic nonsense")[0] == 401


def test_every_answer_names_its_request_and_version(stripe_sandbox):
    _, headers, _ = raw(stripe_sandbox, "GET", "/v1/customers")
    assert headers["Request-Id"].startswith("req_")
    assert headers["Stripe-Version"] == stripe.api_version


def test_another_version_is_refused(stripe_sandbox):
    status, _, body = raw(stripe_sandbox, "GET", "/v1/customers", **{"Stripe-Version": "2024-06-20"})
    assert status == 400
    assert body["error"]["message"].startswith("Invalid Stripe API version: 2024-06-20")


def test_an_unknown_address_is_stripes_404(stripe_sandbox):
    status, _, body = raw(stripe_sandbox, "GET", "/v1/issuing/cards")
    assert status == 404
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["message"].startswith("Unrecognized request URL (GET: /v1/issuing/cards)")


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ("nmae=Alice", "parameter_unknown", "nmae"),
        ("email=", None, None),
        ("name=a&balance=ten", "parameter_invalid_integer", "balance"),
        ("email=nobody", "email_invalid", "email"),
        ("address=here", None, "address"),
        ("metadata[a][b]=c", None, "metadata[a]"),
        ("preferred_locales=en", None, "preferred_locales"),
        ("tax_exempt=maybe", None, "tax_exempt"),
        ("payment_method=pm_nobody", "resource_missing", "payment_method"),
        ("invoice_settings[default_payment_method]=pm_x", "resource_missing", None),
    ],
)
def test_a_crooked_parameter_is_named(stripe_sandbox, params, code, param):
    status, _, body = raw(stripe_sandbox, "POST", "/v1/customers", params)
    if params == "email=":
        assert status == 200
        return
    assert status == 400
    assert body["error"].get("code") == code
    assert param is None or body["error"]["param"] == param


def test_the_same_key_gets_the_same_answer(v1):
    first = v1.customers.create({"name": "Alice"}, {"idempotency_key": "one"})
    again = v1.customers.create({"name": "Alice"}, {"idempotency_key": "one"})
    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert again.last_response.headers["Original-Request"] == first.last_response.headers["Request-Id"]
    assert len(v1.customers.list().data) == 1


def test_the_same_key_with_other_parameters_is_refused(v1):
    v1.customers.create({"name": "Alice"}, {"idempotency_key": "one"})
    with pytest.raises(stripe.IdempotencyError) as refused:
        v1.customers.create({"name": "Bob"}, {"idempotency_key": "one"})
    assert refused.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError):
        v1.products.create({"name": "Alice"}, {"idempotency_key": "one"})


def test_a_refusal_is_remembered_too_but_not_a_malformed_request(v1, pro):
    wanted = {"customer": "cus_nobody", "items": [{"price": pro.id}]}
    for replayed in (None, "true"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.subscriptions.create(wanted, {"idempotency_key": "two"})
        assert refused.value.headers.get("Idempotent-Replayed") == replayed
    with pytest.raises(stripe.InvalidRequestError):
        v1.customers.create({"nmae": "Alice"}, {"idempotency_key": "three"})
    v1.customers.create({"name": "Alice"}, {"idempotency_key": "three"})


def test_a_key_is_forgotten_after_a_day(stripe_sandbox, v1):
    first = v1.customers.create({"name": "Alice"}, {"idempotency_key": "one"})
    stripe_sandbox.advance("25h")
    assert v1.customers.create({"name": "Alice"}, {"idempotency_key": "one"}).id != first.id


def test_pages_go_forwards_and_backwards(v1):
    made = [v1.customers.create({"name": str(number)}).id for number in range(7)]
    first = v1.customers.list({"limit": 3})
    assert [one.id for one in first.data] == made[:3:-1]
    assert first.has_more
    second = v1.customers.list({"limit": 3, "starting_after": first.data[-1].id})
    assert [one.id for one in second.data] == made[3:0:-1]
    back = v1.customers.list({"limit": 3, "ending_before": second.data[0].id})
    assert [one.id for one in back.data] == made[:3:-1]
    assert not back.has_more
    assert [one.id for one in v1.customers.list({"limit": 2}).auto_paging_iter()] == made[::-1]
    with pytest.raises(stripe.InvalidRequestError):
        v1.customers.list({"limit": 101})
    with pytest.raises(stripe.InvalidRequestError):
        v1.customers.list({"starting_after": "cus_nobody"})


def test_ids_are_expanded_on_request(v1, alice, pro):
    wanted = ["latest_invoice.payments.data.payment.payment_intent.latest_charge", "customer"]
    made = v1.subscriptions.create(
        {"customer": alice.id, "items": [{"price": pro.id}], "expand": [wanted[1], "latest_invoice.payments"]}
    )
    assert made.customer.email == "alice@example.com"
    assert made.latest_invoice.payments.data[0].status == "paid"
    listed = v1.subscriptions.list({"expand": ["data.latest_invoice", "data.items.data.price.product"]})
    assert listed.data[0].latest_invoice.status == "paid"
    assert listed.data[0]["items"].data[0].price.product.name == "API Pro"
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        v1.subscriptions.retrieve(made.id, {"expand": [wanted[0]]})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        v1.subscriptions.retrieve(made.id, {"expand": ["nonsense"]})


def test_a_deleted_customer_says_so(v1, alice, pro):
    made = v1.subscriptions.create({"customer": alice.id, "items": [{"price": pro.id}]})
    v1.customers.delete(alice.id)
    assert v1.customers.retrieve(alice.id).deleted
    assert v1.subscriptions.retrieve(made.id).status == "canceled"
    assert v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        v1.customers.update(alice.id, {"name": "Ghost"})


def test_the_account_and_its_version(v1):
    assert v1.accounts.retrieve_current().id == "acct_sandbox"


def test_what_was_written_survives_a_new_start(tmp_path):
    with StripeSandbox(tmp_path) as running:
        made = running.v1.customers.create({"name": "Alice"})
    with StripeSandbox(tmp_path) as running:
        assert running.v1.customers.retrieve(made.id).name == "Alice"
