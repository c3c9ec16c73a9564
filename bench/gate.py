"""The gate against its anchors and its peers: paired rounds, medians, one table in docs/performance.md.

Servers run on one core, Redis and the callers (wrk) on the other; every contender is measured once in
each round, so that what disturbs the machine disturbs all. Processor time is the kernel's own.
ROUNDS and SECONDS make it longer, `--all` asks every peer.
"""

import itertools
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import hiredis

from bench import lineup, table
from bench.town import ROOT, Town, cpu_us, start_all
from portal import gate

ROUNDS, SECONDS = int(os.environ.get("ROUNDS", "5")), float(os.environ.get("SECONDS", "2"))
KEYS, DRAWN, ZIPF = 10_000, 20_000, 1.1
SERVER_CORE, CALLER_CORE = "0", "1"
QUIET, PATIENCE_SECONDS = 0.15, 6
EXACT, LEASES = "gate server, exact", "gate server, leases"
GO, LUA = "Go net/http, same script", "nginx with Lua, same script"
WANTED = (
    *((name, "uniform", 64) for name in ("nginx return 204", EXACT, GO, LUA, LEASES)),
    *((name, "Zipf", 64) for name in (EXACT, LEASES)),
    *((name, "uniform", 16) for name in (EXACT, "WSGI edge", "Flask route, same check", "flask-limiter")),
    *(
        (name, "uniform", 16)
        for name in ("limits, without a framework", "Django REST framework with API keys")
    ),
    *((name, "uniform", 16) for name in ("fastify, rate-limiter-flexible", "HAProxy, stick tables")),
    ("our gate behind nginx, before an API", "uniform", 16),
    ("express-gateway, before an API", "uniform", 16),
)


@dataclass
class Point:
    """One line of the table: who, under which load, over how many connections; a sample a round."""

    who: str
    load: str
    connections: int
    calls: list = field(default_factory=list)
    server_us: list = field(default_factory=list)
    redis_us: list = field(default_factory=list)
    half_ms: list = field(default_factory=list)
    most_ms: list = field(default_factory=list)

    @property
    def cpu_us(self):
        return [one + other for one, other in zip(self.server_us, self.redis_us, strict=True)]

    def forget(self):
        for kept in (self.calls, self.server_us, self.redis_us, self.half_ms, self.most_ms):
            kept.clear()


def main():
    wrk = shutil.which("wrk")
    if wrk is None or shutil.which("taskset") is None:
        sys.exit("wrk and taskset are needed (Debian: apt install wrk util-linux).")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with Town(folder / "town", KEYS) as town:
            redis_pid = town.engines.redis.pid
            pin = ["taskset", "--all-tasks", "--cpu-list", "--pid", CALLER_CORE, str(redis_pid)]
            subprocess.run(pin, check=True, capture_output=True)
            introduce(town)
            contenders = (lineup.everybody if "--all" in sys.argv else lineup.usual)(town, folder)
            try:
                start_all(contenders, town, SERVER_CORE)
                bench = Bench(wrk, town, contenders, folder, redis_pid)
                points = bench.measure()
                script = alone(town, redis_pid)
                leasing = next(one for one in contenders if one.name == LEASES)
                in_process = in_a_program(leasing.port, town)
            finally:
                for contender in contenders:
                    contender.stop()
    how = f"{ROUNDS} paired rounds of {SECONDS:g} s, {KEYS:,} keys of as many accounts; medians."
    table.write(how, points, script, in_process, contenders)


def introduce(town):
    """What the peers look their keys up in."""
    pipe = town.client.pipeline(transaction=False)
    for number, key in enumerate(town.keys):
        pipe.set("peer:" + sha256(key.encode()).hexdigest(), f"acc_{number}")
    pipe.execute()


class Bench:
    """The callers, and what they found."""

    def __init__(self, wrk, town, contenders, folder, redis_pid):
        self._wrk, self._town, self._redis_pid = wrk, town, redis_pid
        self._by_name = {one.name: one for one in contenders}
        weights = list(itertools.accumulate(1 / rank**ZIPF for rank in range(1, KEYS + 1)))
        self._loads = {"uniform": town.keys, "Zipf": random.choices(town.keys, cum_weights=weights, k=DRAWN)}
        self._folder = folder
        for load, keys in self._loads.items():
            (folder / load).write_text("\n".join(keys) + "\n")

    def measure(self):
        points = [Point(*one) for one in WANTED if one[0] in self._by_name]
        for one in points:
            self._sample(one, 1)  # warm
        busy = next(one for one in points if (one.who, one.connections) == (EXACT, 64))
        pause = round(2 * 64 / busy.calls[0] * 1000)
        calm = Point(EXACT, "uniform, half of what it can", 64)
        for one in points:
            one.forget()
        for number in range(ROUNDS):
            print(f"round {number + 1} of {ROUNDS}", flush=True)
            for one in points:
                self._sample(one, SECONDS)
            self._sample(calm, SECONDS, pause)
        return [*points, calm]

    def _sample(self, point, seconds, pause=0):
        contender = self._by_name[point.who]
        keys = contender.keys or self._folder / point.load.partition(",")[0]
        command = ["taskset", "--cpu-list", CALLER_CORE]
        command += [self._wrk, "-t1", f"-c{point.connections}", f"-d{max(1, round(seconds))}s"]
        command += ["--latency", "-s", "bench/calls.lua", f"http://127.0.0.1:{contender.port}"]
        command += [self._town.service, str(keys), contender.shown, str(pause)]
        wait_for_quiet()
        before, redis_before = contender.cpu_us, cpu_us(self._redis_pid)
        done = subprocess.run(command, capture_output=True, text=True)
        after, redis_after = contender.cpu_us, cpu_us(self._redis_pid)
        text = done.stdout
        calls = int(re.search(r"(\d+) requests in", text)[1])
        fine = calls and "Non-2xx" not in text and "Socket errors" not in text
        assert fine, (contender.name, text, done.stderr)
        point.calls.append(float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]))
        point.server_us.append((after - before) / calls)
        point.redis_us.append((redis_after - redis_before) / calls)
        point.half_ms.append(milliseconds(re.search(r"(?m)^ +50% +(\S+)", text)[1]))
        point.most_ms.append(milliseconds(re.search(r"(?m)^ +99% +(\S+)", text)[1]))


def wait_for_quiet():
    """Until little else runs, or patience ends."""
    given_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < given_up:
        busy, total = processor()
        time.sleep(0.2)
        busy_then, total_then = processor()
        if busy_then - busy < QUIET * (total_then - total):
            return


def processor():
    """Ticks of all cores: (busy or stolen, all)."""
    spent = [int(word) for word in Path("/proc/stat").read_text().split()[1:9]]
    idle = spent[3] + spent[4]
    return sum(spent) - idle, sum(spent)


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(\w+)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def alone(town, redis_pid):
    """Redis' own time for one verification, asked for one by one and sixteen at once."""
    run_id = town.door.scripts()
    commands = []
    for key in random.sample(town.keys, 2_000):
        asked = town.door.prepare(gate.Question(key)).command
        digest = gate.script_digest("verify", run_id)
        said = ("EVALSHA", digest, str(len(asked.keys)), *asked.keys, *asked.args)
        commands.append(hiredis.pack_command(said))
    connection = town.client.connection_pool.get_connection()
    found = {}
    for together in (1, 16):
        samples = []
        for _ in range(ROUNDS):
            before, total, begun = cpu_us(redis_pid), 0, time.perf_counter()
            while time.perf_counter() - begun < 0.5:
                connection.send_packed_command([b"".join(random.choices(commands, k=together))])
                for _ in range(together):
                    connection.read_response()
                total += together
            samples.append((cpu_us(redis_pid) - before) / total)
        found[together] = statistics.median(samples)
    return found


def in_a_program(port, town):
    """What the SDK needs in a program of its own, as bench/sdk.py says it."""
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "sdk" / "python"),
        "UPKEEP_URL": f"http://127.0.0.1:{port}",
        "UPKEEP_SERVICE_KEY": town.service,
        "BENCH_KEY": town.keys[0],
    }
    command = ["taskset", "--cpu-list", CALLER_CORE, sys.executable, "bench/sdk.py", str(ROUNDS)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return [tuple(one) for one in json.loads(done.stdout)]


if __name__ == "__main__":
    main()
