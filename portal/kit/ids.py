"""Identifiers that sort by the time they were made."""

import os
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_OF_A_BYTE = (ALPHABET * 8).encode()
_random: list[str] = []
_stamped = (-1, "")


def new(prefix: str) -> str:
    """A fresh id such as `acc_01k9...`: 48 bits of milliseconds and 80 random bits, 26 characters."""
    try:
        drawn = _random.pop()  # at once: no two threads are given the same
    except IndexError:
        drawn = _draw()
    now = int(time.time() * 1000)
    ms, stamp = _stamped
    return f"{prefix}_{stamp if ms == now else _stamp(now)}{drawn}"


def _stamp(now: int) -> str:
    """Milliseconds in ten characters, kept for as long as they last."""
    global _stamped
    stamp = "".join([ALPHABET[now >> bits & 31] for bits in range(45, -1, -5)])
    _stamped = (now, stamp)
    return stamp


def _draw() -> str:
    """Sixteen characters of five random bits each, and many more kept: one call to the system for 256 ids."""
    drawn = os.urandom(4096).translate(_OF_A_BYTE).decode()
    _random.extend(drawn[at : at + 16] for at in range(16, 4096, 16))
    return drawn[:16]


os.register_at_fork(after_in_child=_random.clear)  # or parent and child would draw the same ids
