"""Settings: what is read, and what refuses to start."""

import json

import pytest

from portal.kit.settings import SettingsError, load

GOOD = {
    "DATABASE_URL": "postgresql://app@db/upkeep",
    "REDIS_URL": "redis://cache",
    "SECRET_KEY": "s" * 32,
    "KEY_PEPPERS": "p2:" + "22" * 32 + ",p1:" + "11" * 32,
}


@pytest.fixture
def environ(tmp_path):
    return {"VAR": str(tmp_path), **GOOD}


def test_four_values_are_enough(environ):
    settings = load(environ)
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.is_loopback and not settings.secure_cookies
    assert settings.broker_url == settings.throttle_url == settings.redis_url
    assert [pepper.id for pepper in settings.key_peppers] == ["p2", "p1"]
    assert settings.brand.name == "Upkeep"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", ""),
        ("REDIS_URL", ""),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("KEY_PEPPERS", ""),
        ("KEY_PEPPERS", "p1"),
        ("KEY_PEPPERS", "p1:zz"),
        ("KEY_PEPPERS", "p1:1111"),
        ("KEY_PEPPERS", "p1:" + "11" * 32 + ",p1:" + "22" * 32),
        ("PORT", "0"),
        ("PORT", "eighty"),
        ("PORT", "65536"),
        ("PUBLIC_URL", "portal.example.com"),
        ("PUBLIC_URL", "ftp://portal.example.com"),
        ("KEY_PREFIX", "upk_"),
        ("KEY_PREFIX", "ü"),
        ("KEY_PREFIX", "morethantwelve"),
        ("TRUSTED_PROXIES", "10.0.0.0/40"),
        ("TRUSTED_PROXIES", "proxy"),
        ("GATE_MODE", "off"),
        ("AWS_ACCESS_KEY_ID", "alone"),
        ("AWS_ENDPOINT_URL", "aws"),
        ("SPOT_PAIRS", "web-spot+web:1:4"),
        ("SPOT_PAIRS", "main/web+web:1:4"),
        ("SPOT_PAIRS", "main/web-spot+web:5:4"),
        ("SPOT_CONTROLLER", "perhaps"),
        ("GATE_WHEN_BLIND", "guess"),
        ("SMTP_URL", "mail.example.com"),
        ("METRICS", "yes"),
        ("REPLY_ADDRESS", "reply"),
        ("REPLY_ADDRESS", "a+b@in.example.org"),
        ("REPLY_ADDRESS", "much-too-long-for-a-token@in.example.org"),
        ("REPLY_ADDRESS", "reply@in example.org"),
        ("POST_PORT", "0"),
        ("POST_CERTIFICATE", "/nowhere/cert.pem"),
        ("BRAND_LOGO", "https://example.com/logo.svg"),
        ("TERMS_URL", "javascript:alert(1)"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(environ, name, value):
    with pytest.raises(SettingsError, match=name):
        load({**environ, name: value})


def test_any_value_may_stand_in_a_file(environ, tmp_path):
    file = tmp_path / "secret"
    file.write_text("t" * 40 + "\n")
    del environ["SECRET_KEY"]
    assert load({**environ, "SECRET_KEY_FILE": str(file)}).secret_key == "t" * 40


def test_a_file_that_is_not_there_is_refused_with_its_name(environ):
    del environ["SECRET_KEY"]
    with pytest.raises(SettingsError, match="SECRET_KEY_FILE"):
        load({**environ, "SECRET_KEY_FILE": "/nowhere"})


def test_what_is_not_set_comes_from_a_running_stack(tmp_path):
    (tmp_path / "stack.json").write_text(json.dumps({**GOOD, "PORT": "8123"}))
    settings = load({"VAR": str(tmp_path), "REDIS_URL": "redis://mine"})
    assert (settings.port, settings.redis_url) == (8123, "redis://mine")
    assert settings.database_url == GOOD["DATABASE_URL"]


def test_an_unreadable_stack_file_is_refused(tmp_path):
    (tmp_path / "stack.json").write_text("{")
    with pytest.raises(SettingsError, match="VAR"):
        load({"VAR": str(tmp_path)})


def test_secrets_are_not_shown(environ):
    shown = repr(load(environ))
    assert GOOD["SECRET_KEY"] not in shown and "1111" not in shown and "postgresql" not in shown


def test_earlier_prefixes_stay(environ):
    settings = load({**environ, "KEY_PREFIX": "mem, upk"})
    assert (settings.key_prefix, settings.key_prefixes) == ("mem", ("mem", "upk"))


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost:8000", True),
        ("http://portal.localhost", True),
        ("http://[::1]:8000", True),
        ("https://127.8.8.8", True),
        ("https://portal.example.com", False),
        ("http://10.0.0.1", False),
    ],
)
def test_loopback_is_told_from_the_rest(environ, url, loopback):
    assert load({**environ, "PUBLIC_URL": url}).is_loopback is loopback


def test_answers_by_mail_are_off_until_their_address_is_named(environ):
    assert load(environ).post is None
    assert load(environ | {"POST_PORT": "25"}).post is None
    post = load(environ | {"REPLY_ADDRESS": "Reply@In.Example.org"}).post
    assert (str(post.address), post.host, post.port) == ("reply@in.example.org", "127.0.0.1", 2525)
    assert load(environ | {"REPLY_ADDRESS": "r@x", "POST_HOST": "0.0.0.0", "POST_PORT": "25"}).post.port == 25


def test_a_certificate_and_its_key_come_together(environ, tmp_path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("x")
    one = {"REPLY_ADDRESS": "r@x", "POST_CERTIFICATE": str(tmp_path / "cert.pem")}
    with pytest.raises(SettingsError, match="POST_CERTIFICATE_KEY"):
        load(environ | one)
    both = load(environ | one | {"POST_CERTIFICATE_KEY": str(tmp_path / "key.pem")}).post
    assert both.certificate == tmp_path / "cert.pem"


def test_a_cluster_is_for_the_gate_alone(environ):
    assert not load(environ).gate_cluster
    elsewhere = {"BROKER_URL": "redis://broker", "THROTTLE_URL": "redis://throttles"}
    assert load({**environ, **elsewhere, "GATE_CLUSTER": "on"}).gate_cluster
    for name in elsewhere:
        with pytest.raises(SettingsError, match=name):
            load({**environ, **elsewhere, name: environ["REDIS_URL"], "GATE_CLUSTER": "on"})


@pytest.mark.parametrize(("name", "value"), [("AWS_COLLECT", "on"), ("SPOT_PAIRS", "main/web-spot+web:1:4")])
def test_aws_is_asked_of_a_named_region_alone(environ, name, value):
    assert not load(environ).aws.collects and load(environ).aws.spot_mode == "dry-run"
    with pytest.raises(SettingsError, match="AWS_REGION"):
        load(environ | {name: value})
    aws = load(environ | {name: value, "AWS_DEFAULT_REGION": "eu-west-1"}).aws
    assert aws.region == "eu-west-1" and (aws.collects or aws.spot_pairs[0].most == 4)


def test_no_two_pairs_raise_the_same_service(environ):
    pairs = {"AWS_REGION": "eu-west-1", "SPOT_PAIRS": "main/a+web:1:4, main/b+web:1:4"}
    with pytest.raises(SettingsError, match="SPOT_PAIRS"):
        load(environ | pairs)
