"""Webhooks: signed, delivered, retried, and disturbed on demand."""

import json
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import stripe

from sandbox.stripe.webhooks import BACK_OFF_SECONDS
from tests.sandboxed import StripeSandbox


class Endpoint:
    """Somebody's endpoint: answers what it is told to, and keeps what it was sent."""

    def __init__(self):
        self.answer = 200
        self.received = []

    def __call__(self, body, headers):
        self.received.append((body, headers))
        return self.answer

    @property
    def events(self):
        return [json.loads(body) for body, _ in self.received]

    @property
    def ids(self):
        return [event["id"] for event in self.events]


@pytest.fixture
def endpoint(stripe_sandbox):
    made = Endpoint()
    stripe_sandbox.deliver_to(made, events=["customer.created", "customer.updated"])
    return made


def verified(stripe_sandbox, received):
    body, headers = received
    return stripe.Webhook.construct_event(body, headers["Stripe-Signature"], stripe_sandbox.secret)


def test_an_event_is_signed_and_delivered_once(stripe_sandbox, v1, endpoint):
    made = v1.customers.create({"name": "Alice"})
    assert endpoint.received == []
    assert stripe_sandbox.deliver_now() == 1
    event = verified(stripe_sandbox, endpoint.received[0])
    assert (event.type, event.data.object.id) == ("customer.created", made.id)
    assert event.api_version == stripe.api_version
    assert event.request.id == made.last_response.headers["Request-Id"]
    assert stripe_sandbox.deliver_now() == 0
    assert v1.events.retrieve(event.id).pending_webhooks == 0


def test_only_what_was_asked_for_is_delivered(stripe_sandbox, v1, endpoint):
    v1.products.create({"name": "API"})
    assert stripe_sandbox.deliver_now() == 0


def test_an_update_says_what_was_before(stripe_sandbox, v1, endpoint):
    made = v1.customers.create({"name": "Alice"})
    v1.customers.update(made.id, {"name": "Alicia", "metadata": {"a": "1"}})
    v1.customers.update(made.id, {"name": "Alicia"})
    stripe_sandbox.deliver_now()
    updated = endpoint.events[1]
    assert updated["data"]["previous_attributes"] == {"name": "Alice", "metadata": {"a": None}}
    assert len(endpoint.events) == 2


def test_a_refused_delivery_is_tried_again_with_back_off(stripe_sandbox, v1, endpoint):
    endpoint.answer = 500
    made = v1.customers.create({"name": "Alice"})
    stripe_sandbox.deliver_now()
    assert stripe_sandbox.deliver_now() == 0
    assert [one.id for one in v1.events.list({"delivery_success": False}).data] == endpoint.ids
    for wait in BACK_OFF_SECONDS[:3]:
        stripe_sandbox.advance(wait)
        assert stripe_sandbox.deliver_now() == 1
    endpoint.answer = 200
    stripe_sandbox.advance(BACK_OFF_SECONDS[3])
    stripe_sandbox.deliver_now()
    assert len(endpoint.received) == 5
    assert len(set(endpoint.ids)) == 1
    assert v1.events.list({"delivery_success": False}).data == []
    assert made.id == endpoint.events[0]["data"]["object"]["id"]


def test_stripe_gives_up_after_three_days(stripe_sandbox, v1, endpoint):
    endpoint.answer = 404
    v1.customers.create({"name": "Alice"})
    for _ in range(len(BACK_OFF_SECONDS) + 5):
        stripe_sandbox.deliver_now()
        stripe_sandbox.advance("1d")
    assert len(endpoint.received) == len(BACK_OFF_SECONDS) + 1
    assert len(v1.events.list({"delivery_success": False}).data) == 1
    assert 2 <= sum(BACK_OFF_SECONDS) / 86400 <= 4


def test_a_duplicate_comes_twice(stripe_sandbox, v1, endpoint):
    stripe_sandbox.faults(duplicate=1)
    v1.customers.create({"name": "Alice"})
    v1.customers.create({"name": "Bob"})
    stripe_sandbox.deliver_now()
    assert len(endpoint.received) == 3
    assert len(set(endpoint.ids)) == 2


def test_a_reorder_changes_the_order(stripe_sandbox, v1, endpoint):
    for name in "ABCDE":
        v1.customers.create({"name": name})
    stripe_sandbox.faults(reorder=1)
    stripe_sandbox.deliver_now()
    names = [event["data"]["object"]["name"] for event in endpoint.events]
    assert sorted(names) == list("ABCDE")
    assert names != list("ABCDE")


def test_a_delay_comes_an_hour_later(stripe_sandbox, v1, endpoint):
    stripe_sandbox.faults(delay=1)
    v1.customers.create({"name": "Alice"})
    stripe_sandbox.deliver_now()
    assert endpoint.received == []
    stripe_sandbox.advance("1h")
    stripe_sandbox.deliver_now()
    assert len(endpoint.received) == 1


def test_a_drop_never_comes_but_is_listed(stripe_sandbox, v1, endpoint):
    stripe_sandbox.faults(drop=1)
    made = v1.customers.create({"name": "Alice"})
    stripe_sandbox.deliver_now()
    stripe_sandbox.advance("10d")
    stripe_sandbox.deliver_now()
    assert endpoint.received == []
    lost = v1.events.list({"delivery_success": False}).data
    assert [one.data.object["id"] for one in lost] == [made.id]
    assert v1.events.list({"delivery_success": True}).data == []


def test_a_bad_signature_is_followed_by_a_good_one(stripe_sandbox, v1, endpoint):
    stripe_sandbox.faults(bad_signature=1)
    endpoint.answer = 400
    v1.customers.create({"name": "Alice"})
    stripe_sandbox.deliver_now()
    with pytest.raises(stripe.SignatureVerificationError):
        verified(stripe_sandbox, endpoint.received[0])
    stripe_sandbox.advance("1m")
    stripe_sandbox.deliver_now()
    assert verified(stripe_sandbox, endpoint.received[1]).type == "customer.created"


def test_an_old_version_has_the_old_shape(stripe_sandbox, v1, alice, pro):
    inbox = []
    stripe_sandbox.sandbox.courier.receivers["http://127.0.0.1/old"] = lambda body, headers: (
        inbox.append(json.loads(body)) or 200
    )
    stripe_sandbox.deliver_to("http://127.0.0.1/old", events=["customer.subscription.created"])
    stripe_sandbox.faults(old_version=1)
    v1.subscriptions.create({"customer": alice.id, "items": [{"price": pro.id}]})
    stripe_sandbox.deliver_now()
    assert inbox[0]["api_version"] == "2024-06-20"
    assert "current_period_end" in inbox[0]["data"]["object"]
    assert "current_period_end" not in inbox[0]["data"]["object"]["items"]["data"][0]


def test_a_thin_event_is_thin(stripe_sandbox, v1):
    inbox = []
    stripe_sandbox.sandbox.courier.receivers["http://127.0.0.1/thin"] = lambda body, headers: (
        inbox.append((body, headers)) or 200
    )
    stripe_sandbox.deliver_to("http://127.0.0.1/thin", events=["customer.created"])
    stripe_sandbox.faults(thin=1)
    made = v1.customers.create({"name": "Alice"})
    stripe_sandbox.deliver_now()
    body, headers = inbox[0]
    client = stripe_sandbox.client
    told = client.parse_event_notification(body, headers["Stripe-Signature"], stripe_sandbox.secret)
    assert told.type == "v1.customer.created"
    assert told.related_object.id == made.id
    with pytest.raises(ValueError, match=r"thin|notification|v2"):
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], stripe_sandbox.secret)


def test_a_replay_sends_it_again(stripe_sandbox, v1, endpoint):
    v1.customers.create({"name": "Alice"})
    stripe_sandbox.deliver_now()
    stripe_sandbox.replay(endpoint.ids[0])
    stripe_sandbox.deliver_now()
    assert endpoint.ids[0] == endpoint.ids[1]


def test_endpoints_are_made_and_unmade(stripe_sandbox, v1):
    wanted = {"url": "http://127.0.0.1:9/hook", "enabled_events": ["*"], "api_version": stripe.api_version}
    made = v1.webhook_endpoints.create(wanted)
    assert made.secret.startswith("whsec_")
    assert not hasattr(v1.webhook_endpoints.retrieve(made.id), "secret")
    with pytest.raises(stripe.InvalidRequestError):
        v1.webhook_endpoints.create({**wanted, "api_version": "2024-06-20"})
    v1.webhook_endpoints.update(made.id, {"disabled": True})
    v1.customers.create({"name": "Alice"})
    assert stripe_sandbox.deliver_now() == 0
    v1.webhook_endpoints.delete(made.id)
    assert v1.webhook_endpoints.list().data == []


def test_nothing_is_ever_sent_off_this_machine(stripe_sandbox, v1):
    v1.webhook_endpoints.create({"url": "https://example.com/hook", "enabled_events": ["*"]})
    v1.customers.create({"name": "Alice"})
    stripe_sandbox.deliver_now()
    rows = stripe_sandbox.sandbox.store.rows("select outcome from delivery")
    assert "on this machine alone" in rows[0][0]


def test_a_real_endpoint_is_reached_in_the_background(tmp_path):
    received = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with (
        StripeSandbox(tmp_path / "stripe", deliver=True) as running,
        HTTPServer(("127.0.0.1", 0), Hook) as http,
    ):
        running.deliver_to(f"http://127.0.0.1:{http.server_port}/hook")
        answering = Thread(target=http.handle_request)
        answering.start()
        running.v1.customers.create({"name": "Alice"})
        answering.join(10)
    assert json.loads(received[0])["type"] == "customer.created"


def test_the_signature_is_of_the_one_clock(stripe_sandbox, v1, endpoint):
    stripe_sandbox.advance("40d")
    v1.customers.create({"name": "Alice"})
    stripe_sandbox.deliver_now()
    stamp = int(endpoint.received[0][1]["Stripe-Signature"].partition(",")[0][2:])
    assert stamp - time.time() > 39 * 86400
