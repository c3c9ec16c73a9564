"""What was measured, as docs/performance.md shows it: every line, and the goals beside it."""

import statistics
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- written by make bench: begin -->", "<!-- end -->"
HEAD = """\
| who | keys | connections | calls/s | CPU server | CPU Redis | CPU together | half within | 99 % within |
|---|---|---:|---:|---:|---:|---:|---:|---:|"""
GOALS = (
    # (name, must, stretch, ours, other, of what)
    (
        "exact, uniform, of nginx returning 204 (calls/s)",
        *(0.16, 0.30),
        ("gate server, exact", "uniform", 64),
        ("nginx return 204", "uniform", 64),
        "calls",
    ),
    (
        "leases, Zipf, of nginx returning 204 (calls/s)",
        *(0.25, 0.45),
        ("gate server, leases", "Zipf", 64),
        ("nginx return 204", "uniform", 64),
        "calls",
    ),
    (
        "exact over Go net/http with the same script (CPU)",
        *(1.0, 2.0),
        ("gate server, exact", "uniform", 64),
        ("Go net/http, same script", "uniform", 64),
        "cpu_us",
    ),
    (
        "exact over nginx with Lua and the same script (CPU)",
        *(1.0, 1.5),
        ("gate server, exact", "uniform", 64),
        ("nginx with Lua, same script", "uniform", 64),
        "cpu_us",
    ),
    (
        "exact over flask-limiter (calls/s)",
        *(15, 30),
        ("gate server, exact", "uniform", 16),
        ("flask-limiter", "uniform", 16),
        "calls",
    ),
    (
        "our gate behind nginx over express-gateway (calls/s)",
        *(13, 25),
        ("our gate behind nginx, before an API", "uniform", 16),
        ("express-gateway, before an API", "uniform", 16),
        "calls",
    ),
    (
        "exact over the same check as a Flask route (CPU)",
        *(8, 15),
        ("gate server, exact", "uniform", 16),
        ("Flask route, same check", "uniform", 16),
        "cpu_us",
    ),
    (
        "WSGI edge over the same check as a Flask route (CPU)",
        *(2, 3),
        ("WSGI edge", "uniform", 16),
        ("Flask route, same check", "uniform", 16),
        "cpu_us",
    ),
)


def write(how, points, script, in_process, contenders):
    lines = [BEGIN, "", how, "", HEAD]
    for together, us in script.items():
        lines.append(
            f"| the script alone, {together} at once | uniform | 1 | | | {us:.1f} us | {us:.1f} us | | |"
        )
    lines += [line(one) for one in points]
    lines += [*in_memory(in_process), ""]
    lines += ["| goal | must | stretch | measured (rounds) | |", "|---|---:|---:|---|---|"]
    lines += [*paired(points), *others(points, in_process), ""]
    settings = "; ".join(f"{one.name}: {one.settings}" for one in contenders)
    replace(BEGIN, END, [*lines, f"Settings: {settings}.", "", END])


def replace(begin, end, lines):
    """Put lines in the place of those between two marks, or at the end of the page."""
    page = PAGE.read_text() if PAGE.exists() else ""
    if begin not in page:
        page += f"\n{begin}\n{end}\n"
    head, _, rest = page.partition(begin)
    PAGE.write_text(head + "\n".join(lines) + rest.partition(end)[2])
    print("\n".join(lines))


def line(one):
    calls, server, redis, both, half, most = (
        statistics.median(kept)
        for kept in (one.calls, one.server_us, one.redis_us, one.cpu_us, one.half_ms, one.most_ms)
    )
    redis_text = f"{redis:.1f} us" if redis >= 0.5 else ""
    return (
        f"| {one.who} | {one.load} | {one.connections} | {calls:,.0f} | {server:.1f} us | {redis_text} "
        f"| {both:.1f} us | {half:.2f} ms | {most:.2f} ms |"
    )


def in_memory(rounds):
    local, rare, remote = (statistics.median(found) for found in zip(*rounds, strict=True))
    yield f"| SDK, from memory | one | | | | | | {local:.2f} us | {rare:.2f} us |"
    yield f"| SDK, over HTTP | one | 1 | | | | | {remote / 1000:.2f} ms | |"


def paired(points):
    at = {(one.who, one.load, one.connections): one for one in points}
    for name, must, stretch, mine, other, what in GOALS:
        if mine in at and other in at:
            pairs = zip(getattr(at[mine], what), getattr(at[other], what), strict=True)
            ratios = [one / two if what == "calls" else two / one for one, two in pairs]
            yield f"| {name} | {must:g} | {stretch:g} | {says(ratios)} | {verdict(ratios, must, stretch)} |"


def others(points, in_process):
    local = [one for one, _, _ in in_process]
    yield row("SDK, from memory: microseconds at the median, at most", 2, 0.5, local, least=False)
    yield row("SDK, from memory over HTTP (times)", 300, "", [there / here for here, _, there in in_process])
    calm = next(one for one in points if "half" in one.load)
    ratios = [most / half for half, most in zip(calm.half_ms, calm.most_ms, strict=True)]
    yield row("exact at half load: 99 % within so many times the median, at most", 5, "", ratios, least=False)


def row(name, must, stretch, found, *, least=True):
    told = verdict(found, must, stretch or must, least=least)
    return f"| {name} | {must:g} | {stretch} | {says(found)} | {told} |"


def says(ratios):
    return f"{statistics.median(ratios):.2f} [{min(ratios):.2f} to {max(ratios):.2f}]"


def verdict(found, must, stretch, *, least=True):
    measured = statistics.median(found)
    reached = measured / must if least else must / measured
    stretched = measured / stretch if least else stretch / measured
    if stretched >= 1:
        return "reached" if must == stretch else "stretch reached"
    if reached >= 1:
        return f"must reached; stretch missed by {1 - stretched:.0%}"
    return f"missed by {1 - reached:.0%}" if least else f"missed by {1 / reached - 1:.0%}"
