"""Trust: whose word about a client's address is believed, and whether a caller stands inside."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

LOCAL_SOCKET = ""  # what a server says of a peer on a Unix socket
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{7,127}")
_OTHER_FORWARDS = ("HTTP_FORWARDED", "HTTP_X_REAL_IP")


class Trust:
    """Answers from a WSGI environ and the networks of TRUSTED_PROXIES."""

    def __init__(self, proxies: Iterable[IPv4Network | IPv6Network]) -> None:
        self._proxies = tuple(proxies)
        # Peers and hops are few and repeat; 4,096 remembered answers cost less than parsing each time.
        self._read = lru_cache(4096)(self._judge)

    def believes_peer(self, environ: Mapping[str, object]) -> bool:
        """Whether the other end of the connection is a trusted proxy, or on a Unix socket."""
        peer = environ.get("REMOTE_ADDR")
        return peer == LOCAL_SOCKET or (isinstance(peer, str) and self._read(peer)[1])

    def client(self, environ: Mapping[str, object]) -> str | None:
        """The client's address: the nearest hop, from the right, that is no trusted proxy.

        None when it cannot be known, because a trusted proxy named something that is no address.
        """
        peer = environ.get("REMOTE_ADDR")
        address = None if peer == LOCAL_SOCKET or not isinstance(peer, str) else self._read(peer)[0]
        if not self.believes_peer(environ):
            return address
        for hop in reversed(_hops(environ)):
            address, trusted, _ = self._read(hop)
            if not trusted:
                return address
        return address

    def is_internal(self, environ: Mapping[str, object]) -> bool:
        """Whether the question was asked from inside, by nobody on behalf of somebody outside.

        The peer and every hop that it names must be this machine or a trusted proxy. Other headers
        that proxies add are not believed, but that they are there is: then the caller is outside.
        """
        peer = environ.get("REMOTE_ADDR")
        if not isinstance(peer, str) or not (peer == LOCAL_SOCKET or self._inside(peer)):
            return False
        if not all(self._inside(hop) for hop in _hops(environ)):
            return False
        return not any(environ.get(name) for name in _OTHER_FORWARDS)

    def request_id(self, environ: Mapping[str, object]) -> str | None:
        """The X-Request-Id of a trusted proxy, when it is well formed; else None."""
        given = environ.get("HTTP_X_REQUEST_ID")
        if not isinstance(given, str) or not self.believes_peer(environ):
            return None
        return given if _REQUEST_ID.fullmatch(given) else None

    def _inside(self, hop: str) -> bool:
        _, trusted, loopback = self._read(hop)
        return trusted or loopback

    def _judge(self, hop: str) -> tuple[str | None, bool, bool]:
        """A hop as (its address or None, is a trusted proxy, is this machine)."""
        if (address := _address(hop)) is None:
            return None, False, False
        trusted = any(address in network for network in self._proxies)
        return str(address), trusted, address.is_loopback


def _hops(environ: Mapping[str, object]) -> list[str]:
    forwarded = environ.get("HTTP_X_FORWARDED_FOR")
    if not isinstance(forwarded, str) or not forwarded:
        return []
    return [hop.strip() for hop in forwarded.split(",")]


def _address(hop: str) -> IPv4Address | IPv6Address | None:
    """Read `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:443`; None for anything else."""
    if hop.startswith("["):
        hop, bracket, port = hop[1:].partition("]")
        if not bracket or not (port == "" or _is_port(port)):
            return None
    elif hop.count(":") == 1:
        hop, _, port = hop.partition(":")
        if not _is_port(":" + port):
            return None
    try:
        address = ip_address(hop.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_port(text: str) -> bool:
    return text[:1] == ":" and text[1:].isascii() and text[1:].isdecimal() and len(text) <= 6
