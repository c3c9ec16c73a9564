"""The gate against its anchors and its peers: paired rounds, medians, one table in docs/performance.md.

Servers run on one core, Redis and the callers (wrk) on the other; every contender is measured once in
each round, so that what disturbs the machine disturbs all. Processor time is the kernel's own.
ROUNDS and SECONDS make it longer.
"""

import itertools
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

from bench.town import Contender, Town, cpu_us, go, nginx, python, start_all
from portal import gate

ROUNDS, SECONDS = int(os.environ.get("ROUNDS", "5")), float(os.environ.get("SECONDS", "2"))
KEYS, DRAWN, ZIPF = 10_000, 20_000, 1.1
SERVER_CORE, CALLER_CORE = "0", "1"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- written by make bench: begin -->", "<!-- end -->"
GATE = "portal.edge.server.worker.GateWorker"


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


@dataclass
class Goal:
    """A ratio of two points, round by round."""

    name: str
    must: str
    stretch: str
    ratios: list
    holds: float = 0.0


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
            peers(town)
            contenders = line_up(town, folder)
            try:
                start_all(contenders, town, SERVER_CORE)
                points = measure(wrk, town, contenders, folder, redis_pid)
                script = alone(town, redis_pid)
            finally:
                for contender in contenders:
                    contender.stop()
    write(points, script, contenders)


def peers(town):
    """What the peers look their keys up in."""
    pipe = town.client.pipeline(transaction=False)
    for number, key in enumerate(town.keys):
        pipe.set("peer:" + sha256(key.encode()).hexdigest(), f"acc_{number}")
    pipe.execute()


def line_up(town, folder) -> list[Contender]:
    found = [
        nginx(folder),
        python(
            *("gate server, exact", town, "gateserver:application", GATE),
            *("1 process, GATE_LEASES=off",),
            GATE_LEASES="off",
        ),
        python("gate server, leases", town, "gateserver:application", GATE, "1 process, as shipped"),
        python(
            *("WSGI edge", town, "wsgi:application", "gthread"),
            *("1 process, 16 threads, the whole site behind it",),
            threads=16,
        ),
        python(
            *("Flask route, same check", town, "bench.peers.flask_route:app", "gthread"),
            *("1 process, 16 threads, our gate through redis-py",),
            threads=16,
        ),
        python(
            *("flask-limiter", town, "bench.peers.limiter:app", "gthread"),
            *("1 process, 16 threads, fixed window, 2 limits, headers, 1 look-up",),
            threads=16,
        ),
    ]
    return found + [one for one in [go(town)] if one is not None]


def measure(wrk, town, contenders, folder, redis_pid):
    by_name = {one.name: one for one in contenders}
    wanted = [
        ("nginx return 204", "uniform", 64),
        ("gate server, exact", "uniform", 64),
        ("Go net/http, same script", "uniform", 64),
        ("gate server, leases", "uniform", 64),
        ("gate server, exact", "Zipf", 64),
        ("gate server, leases", "Zipf", 64),
        ("gate server, exact", "uniform", 16),
        ("gate server, exact", "uniform", 8),
        ("WSGI edge", "uniform", 16),
        ("Flask route, same check", "uniform", 16),
        ("flask-limiter", "uniform", 16),
    ]
    weights = list(itertools.accumulate(1 / rank**ZIPF for rank in range(1, KEYS + 1)))
    loads = {"uniform": town.keys, "Zipf": random.choices(town.keys, cum_weights=weights, k=DRAWN)}
    for load, keys in loads.items():
        (folder / load).write_text("\n".join(keys) + "\n")
    points = [Point(*one) for one in wanted if one[0] in by_name]
    for one in points:
        sample(wrk, town, by_name[one.who], one, folder, redis_pid, 0.5)  # warm
    for one in points:
        for kept in (one.calls, one.server_us, one.redis_us, one.half_ms, one.most_ms):
            kept.clear()
    for number in range(ROUNDS):
        print(f"round {number + 1} of {ROUNDS}", flush=True)
        for one in points:
            sample(wrk, town, by_name[one.who], one, folder, redis_pid, SECONDS)
    return points


def sample(wrk, town, contender, point, folder, redis_pid, seconds):
    command = ["taskset", "--cpu-list", CALLER_CORE]
    command += [wrk, "-t1", f"-c{point.connections}", f"-d{max(1, round(seconds))}s"]
    command += ["--latency", "-s", "bench/calls.lua", f"http://127.0.0.1:{contender.port}"]
    before, redis_before = contender.cpu_us, cpu_us(redis_pid)
    done = subprocess.run([*command, town.service, str(folder / point.load)], capture_output=True, text=True)
    after, redis_after = contender.cpu_us, cpu_us(redis_pid)
    text = done.stdout
    calls = int(re.search(r"(\d+) requests in", text)[1])
    assert calls and "Non-2xx" not in text and "Socket errors" not in text, (
        contender.name,
        text,
        done.stderr,
    )
    point.calls.append(float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]))
    point.server_us.append((after - before) / calls)
    point.redis_us.append((redis_after - redis_before) / calls)
    point.half_ms.append(milliseconds(re.search(r"50%\s+(\S+)", text)[1]))
    point.most_ms.append(milliseconds(re.search(r"99%\s+(\S+)", text)[1]))


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


def write(points, script, contenders):
    at = {(one.who, one.load, one.connections): one for one in points}
    rows = [
        "| who | keys | connections | calls/s | CPU server | CPU Redis | CPU together | half within "
        "| 99 % within |"
    ]
    rows.append("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for together, us in script.items():
        rows.append(
            f"| the script alone, {together} at once | uniform | 1 | | | {us:.1f} us | {us:.1f} us | | |"
        )
    for one in points:
        calls, server, redis, both, half, most = (
            statistics.median(kept)
            for kept in (one.calls, one.server_us, one.redis_us, one.cpu_us, one.half_ms, one.most_ms)
        )
        redis_text = f"{redis:.1f} us" if "nginx" not in one.who else ""
        rows.append(
            f"| {one.who} | {one.load} | {one.connections} | {calls:,.0f} | {server:.1f} us | {redis_text} "
            f"| {both:.1f} us | {half:.2f} ms | {most:.2f} ms |"
        )
    lines = [
        BEGIN,
        "",
        f"{ROUNDS} paired rounds of {SECONDS:g} s, {KEYS:,} keys of as many accounts; medians.",
        "",
    ]
    settings = "; ".join(f"{one.name}: {one.settings}" for one in contenders)
    lines += [*rows, "", *goals(at), "", f"Settings: {settings}.", "", END]
    page = PAGE.read_text() if PAGE.exists() else f"{BEGIN}\n{END}\n"
    head, _, rest = page.partition(BEGIN)
    PAGE.write_text(head + "\n".join(lines) + rest.partition(END)[2])
    print("\n".join(lines))


def goals(at):
    exact, leases = ("gate server, exact", "uniform"), ("gate server, leases", "Zipf")
    found = []

    def goal(name, must, stretch, mine, other, measure):
        if mine in at and other in at:
            ratios = [
                one / two if measure == "calls" else two / one
                for one, two in zip(getattr(at[mine], measure), getattr(at[other], measure), strict=True)
            ]
            found.append((name, must, stretch, ratios))

    anchor = ("nginx return 204", "uniform", 64)
    goal(
        "exact, uniform, 64 connections, of nginx returning 204 (calls/s)",
        0.16,
        0.30,
        (*exact, 64),
        anchor,
        "calls",
    )
    goal(
        "leases, Zipf, 64 connections, of nginx returning 204 (calls/s)",
        0.25,
        0.45,
        (*leases, 64),
        anchor,
        "calls",
    )
    goal(
        "exact over Go net/http with the same script (CPU)",
        1.0,
        2.0,
        (*exact, 64),
        ("Go net/http, same script", "uniform", 64),
        "cpu_us",
    )
    goal(
        "exact over flask-limiter (calls/s, 16 connections)",
        15,
        30,
        (*exact, 16),
        ("flask-limiter", "uniform", 16),
        "calls",
    )
    goal(
        "exact over the same check as a Flask route (CPU)",
        8,
        15,
        (*exact, 16),
        ("Flask route, same check", "uniform", 16),
        "cpu_us",
    )
    goal(
        "WSGI edge over the same check as a Flask route (CPU)",
        2,
        3,
        ("WSGI edge", "uniform", 16),
        ("Flask route, same check", "uniform", 16),
        "cpu_us",
    )
    rows = ["| goal | must | stretch | measured (rounds) | |", "|---|---:|---:|---|---|"]
    for name, must, stretch, ratios in found:
        told = verdict(statistics.median(ratios), must, stretch)
        rows.append(f"| {name} | {must:g} | {stretch:g} | {says(ratios)} | {told} |")
    calm = at.get((*exact, 8))
    if calm is not None:
        ratios = [most / half for half, most in zip(calm.half_ms, calm.most_ms, strict=True)]
        median = statistics.median(ratios)
        told = "reached" if median < 5 else f"missed by {median / 5 - 1:.0%}"
        rows.append(
            f"| exact, 8 connections: 99 % within so many times the median, at most | 5 | | {says(ratios)} "
            f"| {told} |"
        )
    return rows


def says(ratios):
    return f"{statistics.median(ratios):.2f} [{min(ratios):.2f} to {max(ratios):.2f}]"


def verdict(ratio, must, stretch):
    if ratio >= stretch:
        return "stretch reached"
    if ratio >= must:
        return f"must reached; stretch missed by {1 - ratio / stretch:.0%}"
    return f"missed by {1 - ratio / must:.0%}"


if __name__ == "__main__":
    main()
