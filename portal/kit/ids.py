"""Identifiers that sort by the time they were made."""

import os
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_random: list[int] = []


def new(prefix: str) -> str:
    """A fresh id such as `acc_01k9...`: 48 bits of milliseconds and 80 random bits, 26 characters."""
    try:
        drawn = _random.pop()  # at once: no two threads are given the same
    except IndexError:
        drawn = _draw()
    value, pairs = (int(time.time() * 1000) << 80) | drawn, _PAIRS
    return (
        f"{prefix}_{pairs[value >> 120]}{pairs[value >> 110 & 1023]}{pairs[value >> 100 & 1023]}"
        f"{pairs[value >> 90 & 1023]}{pairs[value >> 80 & 1023]}{pairs[value >> 70 & 1023]}"
        f"{pairs[value >> 60 & 1023]}{pairs[value >> 50 & 1023]}{pairs[value >> 40 & 1023]}"
        f"{pairs[value >> 30 & 1023]}{pairs[value >> 20 & 1023]}{pairs[value >> 10 & 1023]}"
        f"{pairs[value & 1023]}"
    )


def _draw() -> int:
    """Eighty random bits, and many more kept: one call to the system for 256 ids."""
    drawn = os.urandom(2560)
    _random.extend(int.from_bytes(drawn[at : at + 10], "big") for at in range(10, 2560, 10))
    return int.from_bytes(drawn[:10], "big")


os.register_at_fork(after_in_child=_random.clear)  # or parent and child would draw the same ids
