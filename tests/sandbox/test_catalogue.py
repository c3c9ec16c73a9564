"""The catalogue: products, prices, lookup keys, coupons and promotion codes."""

import pytest
import stripe


def test_a_price_is_found_by_its_lookup_key(v1, pro):
    found = v1.prices.list({"lookup_keys": ["api-pro-month", "nonsense"], "active": True})
    assert [one.id for one in found.data] == [pro.id]


def test_a_lookup_key_belongs_to_one_price_until_it_is_transferred(v1, pro):
    wanted = {
        "product": pro.product,
        "currency": "usd",
        "unit_amount": 2500,
        "recurring": {"interval": "month"},
        "lookup_key": "api-pro-month",
    }
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        v1.prices.create(wanted)
    dearer = v1.prices.create({**wanted, "transfer_lookup_key": True})
    assert v1.prices.list({"lookup_keys": ["api-pro-month"]}).data[0].id == dearer.id
    assert v1.prices.retrieve(pro.id).lookup_key is None


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"currency": "xyz"}, "currency"),
        ({"product": "prod_nobody"}, "product"),
        ({"recurring": {"interval": "fortnight"}}, "recurring[interval]"),
        ({"recurring": {"interval": "year", "interval_count": 4}}, "recurring[interval_count]"),
        ({"unit_amount": -1}, "unit_amount"),
        ({"tiers_mode": "volume"}, "tiers_mode"),
    ],
)
def test_a_crooked_price_is_refused(v1, pro, change, param):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.prices.create({"product": pro.product, "currency": "usd", "unit_amount": 1, **change})
    assert refused.value.param == param


def test_a_price_needs_a_product_and_an_amount(v1, pro):
    with pytest.raises(stripe.InvalidRequestError, match="Missing required param: product"):
        v1.prices.create({"currency": "usd", "unit_amount": 100})
    with pytest.raises(stripe.InvalidRequestError, match="Missing required param: unit_amount"):
        v1.prices.create({"currency": "usd", "product": pro.product})


def test_amounts_of_a_price_never_change(v1, pro):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.prices.update(pro.id, {"unit_amount": 1})
    assert refused.value.code == "parameter_unknown"


def test_a_product_has_the_id_that_it_was_given_once(v1):
    assert v1.products.create({"id": "upkeep_api", "name": "API"}).id == "upkeep_api"
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        v1.products.create({"id": "upkeep_api", "name": "API"})
    assert v1.products.update("upkeep_api", {"metadata": {"a": "1", "b": "2"}}).metadata["b"] == "2"
    assert "a" not in v1.products.update("upkeep_api", {"metadata": {"a": ""}}).metadata


def test_a_coupon_is_one_thing_or_the_other(v1):
    with pytest.raises(stripe.InvalidRequestError):
        v1.coupons.create({"percent_off": 10, "amount_off": 100, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError):
        v1.coupons.create({"amount_off": 100})
    with pytest.raises(stripe.InvalidRequestError):
        v1.coupons.create({"percent_off": 10, "duration": "repeating"})
    with pytest.raises(stripe.InvalidRequestError):
        v1.coupons.create({"percent_off": 101})


def test_a_coupon_that_ran_out_is_not_valid(stripe_sandbox, v1):
    by = v1.coupons.create({"percent_off": 10, "redeem_by": stripe_sandbox.now + 3600})
    assert by.valid
    stripe_sandbox.advance("2h")
    assert not v1.coupons.retrieve(by.id).valid


def test_promotion_codes_take_a_promotion(v1):
    coupon = v1.coupons.create({"percent_off": 50, "duration": "once"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.promotion_codes.create({"coupon": coupon.id})
    assert refused.value.code == "parameter_unknown"
    made = v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "HALF"})
    assert v1.promotion_codes.list({"code": "half", "active": True}).data[0].id == made.id
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "HALF"})
    v1.promotion_codes.update(made.id, {"active": False})
    assert v1.promotion_codes.list({"active": True}).data == []
