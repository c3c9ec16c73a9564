"""Whose word about a client's address is believed."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kit.trust import Trust

DEFAULT = Trust([ip_network("127.0.0.0/8"), ip_network("::1/128")])
CHAIN = Trust([ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48")])


def environ(peer, forwarded=None, **more):
    made = {"REMOTE_ADDR": peer, **more}
    if forwarded is not None:
        made["HTTP_X_FORWARDED_FOR"] = forwarded
    return made


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1,203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("127.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("127.0.0.1", "[2001:db8::7]", "2001:db8::7"),
        ("127.0.0.1", "2001:DB8:0::7", "2001:db8::7"),
        ("127.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("::1", "203.0.113.9", "203.0.113.9"),
        ("::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", None, "fe80::1"),
        ("127.0.0.1", "unknown", None),
        ("127.0.0.1", "203.0.113.9, unknown", None),
        ("127.0.0.1", "203.0.113.9,", None),
        ("127.0.0.1", "unknown, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "1.2.3", None),
        ("127.0.0.1", "203.0.113.9:", None),
        ("127.0.0.1", "203.0.113.9:port", None),
        ("127.0.0.1", "[2001:db8::7", None),
        ("127.0.0.1", "[2001:db8::7]x", None),
        ("127.0.0.1", "\xe9", None),
        ("", "203.0.113.9", "203.0.113.9"),
        ("", None, None),
        (None, "203.0.113.9", None),
        ("nonsense", "203.0.113.9", None),
    ],
)
def test_the_client_is_the_nearest_hop_that_is_no_trusted_proxy(peer, forwarded, client):
    assert DEFAULT.client(environ(peer, forwarded)) == client


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.5", "203.0.113.9, 10.0.0.4", "203.0.113.9"),
        ("10.0.0.5", "198.51.100.1, 203.0.113.9, 2001:db8:1::4", "203.0.113.9"),
        ("10.0.0.5", "10.0.0.3, 10.0.0.4", "10.0.0.3"),
        ("2001:db8:1::9", "203.0.113.9", "203.0.113.9"),
        ("2001:db8:2::9", "203.0.113.9", "2001:db8:2::9"),
    ],
)
def test_a_chain_of_trusted_proxies_is_walked_from_the_right(peer, forwarded, client):
    assert CHAIN.client(environ(peer, forwarded)) == client


def test_without_loopback_in_the_list_this_machine_is_not_believed_about_others():
    outer = Trust([ip_network("10.0.0.0/8")])
    assert outer.client(environ("127.0.0.1", "203.0.113.9")) == "127.0.0.1"
    assert outer.is_internal(environ("127.0.0.1"))


def test_a_request_id_is_taken_from_a_trusted_proxy_when_it_is_well_formed():
    assert (
        DEFAULT.request_id(environ("127.0.0.1", HTTP_X_REQUEST_ID="0af7651916cd43dd")) == "0af7651916cd43dd"
    )
    assert DEFAULT.request_id(environ("203.0.113.9", HTTP_X_REQUEST_ID="0af7651916cd43dd")) is None
    for malformed in (
        "",
        "short",
        "with space in it",
        'quote"quote"',
        "x" * 129,
        "\xe9" * 16,
        "line\nline\nline",
    ):
        assert DEFAULT.request_id(environ("127.0.0.1", HTTP_X_REQUEST_ID=malformed)) is None


@given(st.text(max_size=60), st.text(max_size=200))
def test_no_address_whatever_makes_it_fail(peer, forwarded):
    made = environ(peer, forwarded, HTTP_X_REQUEST_ID=forwarded)
    DEFAULT.client(made), DEFAULT.is_internal(made), DEFAULT.request_id(made)


@given(st.lists(st.ip_addresses().map(str)), st.ip_addresses(v=4, network="203.0.113.0/24").map(str))
def test_what_a_client_writes_itself_never_changes_who_it_is(lies, client):
    told = ", ".join([*lies, client])
    assert DEFAULT.client(environ("127.0.0.1", told)) == client
    assert not DEFAULT.is_internal(environ("127.0.0.1", told))
