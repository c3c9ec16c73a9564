"""A Redis Cluster of three masters, from the same program as every other Redis of the tests."""

from itertools import pairwise

import redis as redis_py

from deploy.local.ports import free_port, is_free
from deploy.local.process import wait_until
from deploy.local.redis_server import Redis
from portal.gate.masters import SLOTS

BOUNDS = [0, SLOTS // 3, 2 * SLOTS // 3, SLOTS]


class Cluster:
    """Three masters, as a context: each can be killed and started. `holder_of(tag)` is one of them."""

    def __init__(self, folder):
        self.masters = [
            Redis(folder / f"master{number}", port_of_a_node(), "cluster", durable=False, cluster=True)
            for number in range(3)
        ]

    def __enter__(self):
        for master in self.masters:
            master.start()
        for master, (first, end) in zip(self.masters, pairwise(BOUNDS), strict=True):
            self.say(master, "CLUSTER", "ADDSLOTSRANGE", first, end - 1)
        for master in self.masters[1:]:
            self.say(self.masters[0], "CLUSTER", "MEET", "127.0.0.1", master.port)
        self._wait()
        return self

    def __exit__(self, *_):
        for master in self.masters:
            master.stop()

    def start_again(self, master):
        master.start()
        self._wait()

    def _wait(self):
        assert wait_until(lambda: all(map(self.is_whole, self.masters)), 60)

    def is_whole(self, master):
        known = self.say(master, "CLUSTER", "SLOTS")
        return len(known) == 3 and b"cluster_state:ok" in self.say(master, "CLUSTER", "INFO")

    def holder_of(self, tag):
        at = self.say(self.masters[0], "CLUSTER", "KEYSLOT", f"{{{tag}}}:account")
        return next(
            one for one, (first, end) in zip(self.masters, pairwise(BOUNDS), strict=True) if first <= at < end
        )

    @property
    def url(self):
        return self.masters[0].url()

    @staticmethod
    def say(master, *words):
        with redis_py.Redis.from_url(master.url()) as client:
            return client.execute_command(*words)


def port_of_a_node():
    """A free port; nodes speak to each other on the one that lies 10,000 above it."""
    return next(port for port in iter(free_port, None) if is_free(port + 10_000))
