"""Masters: where an account is kept when Redis is a cluster, and a wire to each of them."""

import logging
import threading
import time
from binascii import crc_hqx
from collections.abc import Iterator, Sequence
from typing import Any, Final

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from portal.gate.door import Command
from portal.gate.grant import Unavailable
from portal.gate.wire import Wire

SLOTS: Final = 16_384
AGAIN_SECONDS: Final = 1.0
Address = tuple[str, int]
Ranges = tuple[tuple[int, int, Address], ...]
_log = logging.getLogger(__name__)


def slot(command: Command) -> int:
    """The slot of all that a command touches: that of its account's tag."""
    tag = command.keys[0].partition("}")[0][1:]
    return crc_hqx(tag.encode(), 0) % SLOTS


def holder(ranges: Ranges, command: Command) -> Address | None:
    """The master that holds what a command touches; None while no one does."""
    at = slot(command)
    return next((address for first, last, address in ranges if first <= at <= last), None)


class Masters:
    """Does what a `Wire` does, on a cluster of which `redis` is any node.

    Where the slots lie is asked again at most once a second, after a master did not answer or has
    given slots away. What was sent to it is not sent to another: it may have been counted.
    """

    def __init__(self, redis: Redis) -> None:
        redis.set_retry(Retry(NoBackoff(), 0))  # another node is asked instead
        self._seed = self._told = redis
        self._ranges: Ranges = ()
        self._clients: dict[Address, Redis] = {}
        self._wires: dict[Address, Wire] = {}
        self._stale, self._again_at = True, 0.0
        self._lock = threading.Lock()

    def find(self) -> Ranges:
        """Ask any node where the slots lie now. Raises Unavailable when none answers."""
        for client in (self._told, *list(self._clients.values()), self._seed):
            try:
                found = client.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]
            except RedisError as problem:
                _log.warning("A node of the cluster does not answer: %s", problem)
                continue
            self._ranges = tuple(
                (int(first), int(last), (_text(master[0]), int(master[1])))
                for first, last, master, *_ in found
            )
            self._told = client  # whoever answered is asked first
            return self._ranges
        raise Unavailable("No node of the cluster answers.")

    def send(self, command: Command) -> Any:
        """The reply to one command. Raises Unavailable when there is none."""
        return self.send_all([command])[0]

    def send_all(self, commands: Sequence[Command]) -> list[Any]:
        """The replies to commands. Raises Unavailable when one is missing, whoever should have given it."""
        ranges = self._known()
        places: dict[Address | None, list[int]] = {}
        for place, command in enumerate(commands):
            places.setdefault(holder(ranges, command), []).append(place)
        replies: list[Any] = [None] * len(commands)
        for address, some in places.items():
            try:
                if address is None:
                    raise Unavailable("No master holds this account.")
                answers = self._wire(address).send_all([commands[place] for place in some])
            except Unavailable:
                self._stale = True
                raise
            for place, answer in zip(some, answers, strict=True):
                replies[place] = answer
        return replies

    def run_id(self, address: Address | None = None) -> str:
        """Have a master, or all of them, know the scripts; the run id of the last."""
        addresses = [address] if address else {where for _, _, where in self._known()}
        return [self._wire(one).run_id() for one in addresses][-1]

    def tags(self) -> Iterator[str]:
        """The tags that have anything to settle, where a master answers; Unavailable when none does."""
        addresses = {address for _, _, address in self._known()}
        away = 0
        for address in sorted(addresses):
            try:
                yield from self._wire(address).tags()
            except Unavailable:
                away += 1
                _log.warning("A master does not answer; its accounts are settled later: %s:%s", *address)
        if away == len(addresses):
            raise Unavailable("No master of the cluster answers.")

    def _known(self) -> Ranges:
        if self._stale:
            with self._lock:
                due = self._stale and time.monotonic() >= self._again_at
                if due:
                    self._again_at, self._stale = time.monotonic() + AGAIN_SECONDS, False
            if due or not self._ranges:
                return self.find()
        return self._ranges

    def _wire(self, address: Address) -> Wire:
        with self._lock:
            if address not in self._wires:
                pool = self._seed.connection_pool
                kinds = {**pool.connection_kwargs, "host": address[0], "port": address[1]}
                client = Redis(connection_pool=ConnectionPool(pool.connection_class, **kinds))
                self._clients[address], self._wires[address] = client, Wire(client)
            return self._wires[address]


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
