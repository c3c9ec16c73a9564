"""A tour of every address of the sandbox: each is answered once, and as Stripe describes it."""

from sandbox.stripe import objects
from sandbox.stripe.routes import ROUTES
from tests.stripe import data


def test_every_address_is_answered_as_described(stripe_sandbox):
    data.needed()
    assert objects.__all__
    events, stripe_sandbox.watches[0].gently = [], True  # all that is found, not the first
    stripe_sandbox.deliver_to(lambda body, headers: events.append(body) or 200)
    tour = Tour(stripe_sandbox)
    for step in (
        tour.goods,
        tour.discounts,
        tour.people,
        tour.invoices,
        tour.subscriptions,
        tour.schedules,
        tour.checkout,
        tour.troubles,
        tour.cards,
        tour.clocks,
        tour.listening,
    ):
        step()
    stripe_sandbox.deliver_now()
    assert len(events) > 100
    answered = [one for watch in stripe_sandbox.watches for one in watch.answered]
    unseen = [
        f"{route.method} {route.path}"
        for route in ROUTES
        if not any(verb == route.method and route.pattern.fullmatch(path) for verb, path in answered)
    ]
    assert not unseen, "\n".join(unseen)


class Tour:
    """The steps, in order; what one makes the next may use."""

    def __init__(self, sandbox):
        self.sandbox, self.v1 = sandbox, sandbox.v1

    def goods(self):
        v1 = self.v1
        self.product = v1.products.create(
            {"name": "Pro", "default_price_data": {"currency": "usd", "unit_amount": 500}}
        )
        v1.products.update(self.product.id, {"description": "All of it", "metadata": {"plan": "pro"}})
        v1.products.retrieve(self.product.id, {"expand": ["default_price"]})
        v1.products.list({"active": True})
        v1.products.delete(v1.products.create({"name": "Mistake"}).id)
        self.monthly = self.price(1900, "month", lookup_key="pro-month")
        self.yearly = self.price(19000, "year", lookup_key="pro-year")
        self.once = self.price(5000, None)
        v1.prices.update(self.monthly.id, {"nickname": "Monthly"})
        v1.prices.retrieve(self.monthly.id, {"expand": ["product"]})
        v1.prices.list({"lookup_keys": ["pro-month"], "expand": ["data.product"]})

    def price(self, amount, interval, **more):
        recurring = {"recurring": {"interval": interval}} if interval else {}
        wanted = {"product": self.product.id, "currency": "usd", "unit_amount": amount}
        return self.v1.prices.create({**wanted, **recurring, **more})

    def discounts(self):
        v1 = self.v1
        self.coupon = v1.coupons.create({"percent_off": 25, "duration": "repeating", "duration_in_months": 3})
        v1.coupons.update(self.coupon.id, {"name": "A quarter off"})
        v1.coupons.retrieve(self.coupon.id)
        v1.coupons.list()
        v1.coupons.delete(v1.coupons.create({"amount_off": 100, "currency": "usd"}).id)
        of = {"type": "coupon", "coupon": self.coupon.id}
        self.code = v1.promotion_codes.create({"code": "QUARTER", "promotion": of})
        v1.promotion_codes.update(self.code.id, {"metadata": {"from": "spring"}})
        v1.promotion_codes.retrieve(self.code.id, {"expand": ["promotion.coupon"]})
        v1.promotion_codes.list({"code": "QUARTER"})

    def customer(self, card="pm_card_visa"):
        made = self.v1.customers.create({"name": "Alice", "email": "alice@example.com"})
        held = self.v1.payment_methods.attach(card, {"customer": made.id})
        settings = {"default_payment_method": held.id}
        return self.v1.customers.update(made.id, {"invoice_settings": settings})

    def people(self):
        v1 = self.v1
        self.alice = self.customer()
        card = self.alice.invoice_settings.default_payment_method
        v1.customers.retrieve(self.alice.id, {"expand": ["invoice_settings.default_payment_method", "tax"]})
        v1.customers.list({"email": "alice@example.com"})
        v1.customers.delete(self.customer().id)
        v1.customers.payment_methods.list(self.alice.id)
        v1.customers.payment_methods.retrieve(self.alice.id, card)
        v1.payment_methods.retrieve(card)
        v1.payment_methods.update(card, {"billing_details": {"name": "Alice A."}})
        v1.payment_methods.list({"customer": self.alice.id})
        spare = v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
        v1.payment_methods.attach(spare.id, {"customer": self.alice.id})
        v1.payment_methods.detach(spare.id)
        gift = {"amount": -300, "currency": "usd"}
        v1.customers.balance_transactions.create(self.alice.id, gift)
        v1.customers.balance_transactions.list(self.alice.id)
        v1.accounts.retrieve_current()
        v1.accounts.retrieve(v1.accounts.retrieve_current().id)

    def invoices(self):
        v1, alice = self.v1, self.alice.id
        invoice = v1.invoices.create({"customer": alice, "currency": "usd", "metadata": {"of": "2026"}})
        of = {"customer": alice, "invoice": invoice.id, "discounts": [{"coupon": self.coupon.id}]}
        item = v1.invoice_items.create({**of, "amount": 4200, "currency": "usd", "description": "Work"})
        v1.invoice_items.retrieve(item.id)
        v1.invoice_items.list({"invoice": invoice.id})
        loose = v1.invoice_items.create({"customer": alice, "pricing": {"price": self.once.id}})
        v1.invoice_items.delete(loose.id)
        v1.invoices.update(invoice.id, {"description": "Thank you"})
        v1.invoices.line_items.list(invoice.id)
        v1.invoices.finalize_invoice(invoice.id)
        self.paid = v1.invoices.pay(invoice.id, {"expand": ["payments", "discounts"]})
        assert self.paid.status == "paid" and self.paid.amount_paid == 4200 * 3 // 4 - 300
        paid = ["data.payment.payment_intent"]
        payment = v1.invoice_payments.list({"invoice": invoice.id, "expand": paid}).data[0]
        v1.invoice_payments.retrieve(payment.id)
        self.intent = payment.payment.payment_intent
        v1.credit_notes.retrieve(
            v1.credit_notes.create({"invoice": invoice.id, "refund_amount": 100, "amount": 100}).id
        )
        v1.credit_notes.list({"invoice": invoice.id})
        sent = {"collection_method": "send_invoice", "days_until_due": 7}
        for end in ("void", "uncollectible", "delete"):
            other = v1.invoices.create({"customer": alice, "currency": "usd", **sent})
            v1.invoice_items.create(
                {"customer": alice, "invoice": other.id, "amount": 900, "currency": "usd"}
            )
            if end == "delete":
                v1.invoices.delete(other.id)
                continue
            v1.invoices.send_invoice(other.id)
            v1.invoices.void_invoice(other.id) if end == "void" else v1.invoices.mark_uncollectible(other.id)
        v1.invoices.list({"customer": alice, "expand": ["data.payments"]})

    def subscriptions(self):
        v1, buyer = self.v1, self.customer()
        made = v1.subscriptions.create(
            {
                "customer": buyer.id,
                "items": [{"price": self.monthly.id}],
                "trial_period_days": 7,
                "discounts": [{"promotion_code": self.code.id}],
                "expand": ["latest_invoice.confirmation_secret", "pending_setup_intent", "discounts"],
            }
        )
        self.sandbox.advance("8d")
        v1.subscriptions.retrieve(made.id, {"expand": ["latest_invoice.payments", "customer"]})
        item = made["items"].data[0].id
        changed = {"items": [{"id": item, "price": self.yearly.id}], "proration_behavior": "always_invoice"}
        v1.invoices.create_preview({"subscription": made.id, "subscription_details": changed})
        v1.subscriptions.update(made.id, changed)
        v1.subscription_items.retrieve(item)
        v1.subscription_items.update(item, {"quantity": 2})
        extra = v1.subscription_items.create({"subscription": made.id, "price": self.price(700, "year").id})
        v1.subscription_items.list({"subscription": made.id})
        v1.subscription_items.delete(extra.id)
        v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
        v1.subscriptions.list({"customer": buyer.id, "status": "all"})
        v1.invoices.retrieve(v1.subscriptions.retrieve(made.id).latest_invoice, {"expand": ["payments"]})
        v1.subscriptions.cancel(made.id, {"invoice_now": True, "prorate": True})
        asked = self.customer("pm_card_authenticationRequired")
        waiting = {"payment_behavior": "default_incomplete", "items": [{"price": self.monthly.id}]}
        v1.subscriptions.create({"customer": asked.id, **waiting, "expand": ["latest_invoice.payments"]})
        late = self.customer("pm_card_chargeCustomerFail")
        trial = {"trial_period_days": 1, "items": [{"price": self.monthly.id}]}
        v1.subscriptions.create({"customer": late.id, **trial})
        self.sandbox.advance("32d")

    def schedules(self):
        v1, buyer = self.v1, self.customer()
        held = v1.subscriptions.create({"customer": buyer.id, "items": [{"price": self.yearly.id}]})
        schedule = v1.subscription_schedules.create({"from_subscription": held.id})
        present = schedule.phases[0]
        span = {"start_date": present.start_date, "end_date": present.end_date}
        now = {"items": [{"price": self.yearly.id, "quantity": 1}], **span}
        later = {"items": [{"price": self.monthly.id, "quantity": 1}], "duration": {"interval": "month"}}
        v1.subscription_schedules.update(schedule.id, {"phases": [now, later], "end_behavior": "release"})
        v1.subscription_schedules.retrieve(schedule.id, {"expand": ["subscription"]})
        v1.subscription_schedules.list({"customer": buyer.id})
        v1.subscription_schedules.release(schedule.id)
        again = v1.subscription_schedules.create({"from_subscription": held.id})
        v1.subscription_schedules.cancel(again.id)

    def checkout(self):
        v1, sandbox = self.v1, self.sandbox
        pages = {"success_url": "http://127.0.0.1/back", "cancel_url": "http://127.0.0.1/away"}
        wanted = {"mode": "subscription", "line_items": [{"price": self.monthly.id, "quantity": 1}], **pages}
        session = v1.checkout.sessions.create({**wanted, "allow_promotion_codes": True})
        v1.checkout.sessions.update(session.id, {"metadata": {"seen": "1"}})
        v1.checkout.sessions.line_items.list(session.id)
        assert sandbox.pay(session).status == 303
        done = v1.checkout.sessions.retrieve(
            session.id, {"expand": ["line_items", "subscription", "invoice"]}
        )
        assert done.status == "complete"
        v1.checkout.sessions.list({"customer": done.customer})
        v1.checkout.sessions.expire(v1.checkout.sessions.create(wanted).id)
        once = {**wanted, "mode": "payment", "line_items": [{"price": self.once.id, "quantity": 2}]}
        assert sandbox.pay(v1.checkout.sessions.create(once)).status == 303
        features = {"invoice_history": {"enabled": True}, "payment_method_update": {"enabled": True}}
        ours = v1.billing_portal.configurations.create({"features": features})
        v1.billing_portal.configurations.update(ours.id, {"default_return_url": "http://127.0.0.1/"})
        v1.billing_portal.configurations.retrieve(ours.id)
        v1.billing_portal.configurations.list()
        v1.billing_portal.sessions.create({"customer": self.alice.id, "configuration": ours.id})

    def troubles(self):
        v1 = self.v1
        refund = v1.refunds.create({"payment_intent": self.intent.id, "amount": 200})
        v1.refunds.update(refund.id, {"metadata": {"why": "kind"}})
        v1.refunds.retrieve(refund.id, {"expand": ["charge", "payment_intent"]})
        v1.refunds.list({"payment_intent": self.intent.id})
        charge = v1.charges.retrieve(
            self.intent.latest_charge, {"expand": ["refunds", "balance_transaction"]}
        )
        v1.charges.list({"customer": self.alice.id, "expand": ["data.refunds"]})
        v1.balance_transactions.retrieve(charge.balance_transaction.id)
        v1.balance_transactions.list()
        angry = self.customer("pm_card_createDispute")
        v1.subscriptions.create({"customer": angry.id, "items": [{"price": self.monthly.id}]})
        dispute = v1.disputes.list({"expand": ["data.charge"]}).data[0]
        v1.disputes.update(dispute.id, {"metadata": {"seen_by": "Oscar"}})
        v1.disputes.retrieve(dispute.id, {"expand": ["charge"]})
        v1.disputes.close(dispute.id)

    def cards(self):
        v1, alice = self.v1, self.alice.id
        bare = {"amount": 1000, "currency": "usd", "customer": alice}
        intent = v1.payment_intents.create({**bare, "setup_future_usage": "off_session"})
        back = {"return_url": "http://127.0.0.1/back"}
        v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", **back})
        v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
        v1.payment_intents.cancel(v1.payment_intents.create(bare).id)
        v1.payment_intents.list({"customer": alice})
        setup = v1.setup_intents.create({"customer": alice})
        v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa", **back})
        v1.setup_intents.retrieve(setup.id, {"expand": ["payment_method"]})
        v1.setup_intents.list({"customer": alice})
        v1.setup_intents.cancel(v1.setup_intents.create({"customer": alice}).id)

    def clocks(self):
        clocks = self.v1.test_helpers.test_clocks
        clock = clocks.create({"frozen_time": self.sandbox.now, "name": "Ahead"})
        clocks.advance(clock.id, {"frozen_time": self.sandbox.now + 3600})
        clocks.retrieve(clock.id)
        clocks.list()
        clocks.delete(clock.id)

    def listening(self):
        v1 = self.v1
        made = v1.webhook_endpoints.create(
            {"url": "http://127.0.0.1:9/hooks", "enabled_events": ["*"], "api_version": "2026-10-28.endive"}
        )
        v1.webhook_endpoints.update(made.id, {"disabled": True})
        v1.webhook_endpoints.retrieve(made.id)
        v1.webhook_endpoints.list()
        v1.webhook_endpoints.delete(made.id)
        v1.events.retrieve(v1.events.list({"limit": 100}).data[0].id)
        v1.subscriptions.list({"status": "all", "limit": 100, "expand": ["data.latest_invoice"]})
