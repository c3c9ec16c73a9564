"""The SDK in a program's own process: a check from memory, and the same check over HTTP.

Prints of each round: microseconds of the median check from memory, of one in a hundred, over HTTP.
"""

import json
import os
import statistics
import sys
from time import perf_counter_ns

from upkeep_sdk import Client

CHECKS, ASKED = 100_000, 1_000


def main(rounds):
    key, found = os.environ["BENCH_KEY"], []
    with Client() as lending, Client(leases=False) as asking:
        for _ in range(rounds):
            warm(lending, key)
            local = sorted(timed(lending, key, CHECKS))
            remote = timed(asking, key, ASKED)
            found.append(
                (
                    local[len(local) // 2] / 1000,
                    local[len(local) * 99 // 100] / 1000,
                    statistics.median(remote) / 1000,
                )
            )
    print(json.dumps(found))


def warm(client, key):
    for _ in range(20_000):
        client.verify(key)


def timed(client, key, times):
    taken, check = [], client.verify
    for _ in range(times):
        begun = perf_counter_ns()
        check(key)
        taken.append(perf_counter_ns() - begun)
    return taken


if __name__ == "__main__":
    main(int(sys.argv[1]))
