"""Which key goes where: every pairing that is not meant refuses to start, in one sentence."""

import pytest

from portal.kit.settings import SettingsError, load

REST = {
    "DATABASE_URL": "postgresql://localhost/none",
    "REDIS_URL": "redis://localhost/0",
    "SECRET_KEY": "a secret of the tests, long enough",
    "KEY_PEPPERS": "p1:" + "11" * 32,
}
LOOPBACK, SITE = "http://127.0.0.1:8000", "https://portal.example.com"
BASE, STRIPE = "http://127.0.0.1:12111", "https://api.stripe.com"


def payments(tmp_path, key, base=None, public=SITE, secret="whsec_1"):
    given = {
        "STRIPE_SECRET_KEY": key,
        "STRIPE_API_BASE": base,
        "PUBLIC_URL": public,
        "STRIPE_WEBHOOK_SECRET": secret,
    }
    environ = {**REST, "VAR": str(tmp_path), **{name: value for name, value in given.items() if value}}
    return load(environ).payments


@pytest.mark.parametrize(
    ("key", "base", "public", "mode"),
    [
        ("sk_sandbox_1", BASE, LOOPBACK, "sandbox"),
        ("sk_sandbox_1", "http://localhost:12111", "http://[::1]:8000", "sandbox"),
        ("sk_test_1", None, SITE, "test"),
        ("rk_test_1", STRIPE, LOOPBACK, "test"),
        ("sk_live_1", None, SITE, "live"),
        ("rk_live_1", STRIPE + "/", SITE, "live"),
    ],
)
def test_these_pairings_start(tmp_path, key, base, public, mode):
    found = payments(tmp_path, key, base, public)
    assert (found.mode, found.secret_key, found.webhook_secrets) == (mode, key, ("whsec_1",))
    assert found.api_base == (base.rstrip("/") if base else STRIPE)


@pytest.mark.parametrize(
    ("key", "base", "public", "secret", "named"),
    [
        ("sk_sandbox_1", None, LOOPBACK, "whsec_1", "STRIPE_API_BASE"),
        ("sk_sandbox_1", STRIPE, LOOPBACK, "whsec_1", "STRIPE_API_BASE"),
        ("sk_sandbox_1", "http://10.0.0.7:12111", LOOPBACK, "whsec_1", "STRIPE_API_BASE"),
        ("sk_sandbox_1", "http://127.0.0.1.example.com", LOOPBACK, "whsec_1", "STRIPE_API_BASE"),
        ("sk_sandbox_1", BASE, SITE, "whsec_1", "PUBLIC_URL"),
        ("sk_live_1", BASE, LOOPBACK, "whsec_1", "STRIPE_API_BASE"),
        ("rk_live_1", BASE, SITE, "whsec_1", "STRIPE_API_BASE"),
        ("sk_test_1", BASE, LOOPBACK, "whsec_1", "STRIPE_API_BASE"),
        ("rk_test_1", "https://api.stripe.com.example.com", SITE, "whsec_1", "STRIPE_API_BASE"),
        ("sk_live_1", "http://api.stripe.com", SITE, "whsec_1", "STRIPE_API_BASE"),
        ("pk_live_1", None, SITE, "whsec_1", "STRIPE_SECRET_KEY"),
        ("a key", None, SITE, "whsec_1", "STRIPE_SECRET_KEY"),
        ("sk_live_1 2", None, SITE, "whsec_1", "STRIPE_SECRET_KEY"),
        ("sk_live_1", None, SITE, None, "STRIPE_WEBHOOK_SECRET"),
        ("sk_live_1", None, SITE, "whsec_1,,", "STRIPE_WEBHOOK_SECRET"),
        ("sk_sandbox_1", BASE, LOOPBACK, None, "STRIPE_WEBHOOK_SECRET"),
    ],
)
def test_any_other_pairing_refuses_to_start(tmp_path, key, base, public, secret, named):
    with pytest.raises(SettingsError) as refusal:
        payments(tmp_path, key, base, public, secret)
    sentence = str(refusal.value)
    assert named in sentence and sentence.endswith(".") and key not in sentence


def test_without_a_key_payments_are_off(tmp_path):
    assert payments(tmp_path, None, BASE) is None


def test_several_secrets_hold_while_one_replaces_another(tmp_path):
    assert payments(tmp_path, "sk_live_1", secret="whsec_2, whsec_1").webhook_secrets == (
        "whsec_2",
        "whsec_1",
    )


def test_secrets_do_not_show_themselves(tmp_path):
    shown = repr(payments(tmp_path, "sk_live_very_secret", secret="whsec_very_secret"))
    assert "very_secret" not in shown


def test_only_a_sandbox_has_a_clock_that_can_be_moved(tmp_path):
    for key, base, public in (
        ("sk_sandbox_1", BASE, LOOPBACK),
        ("sk_live_1", None, SITE),
        (None, None, SITE),
    ):
        given = {"STRIPE_SECRET_KEY": key, "STRIPE_API_BASE": base, "PUBLIC_URL": public}
        environ = {**REST, "VAR": str(tmp_path), "STRIPE_WEBHOOK_SECRET": "whsec_1"}
        settings = load({**environ, **{name: value for name, value in given.items() if value}})
        assert (settings.clock_file is not None) == (key == "sk_sandbox_1")
