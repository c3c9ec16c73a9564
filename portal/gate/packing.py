"""Packing: a command as Redis is sent it. Busy callers send the same ones, so what was packed is kept."""

from functools import lru_cache

import hiredis

from portal.gate import scripts
from portal.gate.door import Command


def packed(command: Command, run_id: str) -> bytes:
    """The bytes that run a command's script, under the name that it has in this life of Redis."""
    if (known := command.sent_as.get(run_id)) is None:
        keys, args = command.keys, command.args
        head = _head(scripts.digest(command.script, run_id), len(keys), len(args))
        known = head + _names(keys) + bulk(args)
        command.sent_as.clear()
        command.sent_as[run_id] = known
    return known


def bulk(words: tuple[str, ...]) -> bytes:
    """Words as Redis is sent them, without the count that goes before them."""
    said: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]
    return said[said.index(b"$") :]


@lru_cache(256)
def _head(digest: str, keys: int, args: int) -> bytes:
    return b"*%d\r\n" % (3 + keys + args) + bulk(("EVALSHA", digest, str(keys)))


_names = lru_cache(32_768)(bulk)
