"""Pictures of the tour, taken from a demo that runs: `VAR=var/demo .venv/bin/python -m tests.tour`.

Every step of docs/tour.md has one, by its name. NAMES="queue letters" takes only those; FOLDER names
another place than docs/pictures.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.conftest import BROWSERS
from tests.house.reading import ROOT

WIDTH, HEIGHT, MOST_BYTES = 1280, 720, 120_000
CUSTOMER, AGENT, OPERATOR = "Customer", "Agent", "Operator"
# Name, who looks, where, and what is clicked there, one after the other.
STEPS = {
    "dashboard": (CUSTOMER, "/dashboard"),
    "keys": (CUSTOMER, "/keys"),
    "usage": (CUSTOMER, "/usage"),
    "billing": (CUSTOMER, "/billing"),
    "ticket": (CUSTOMER, "/tickets", "Second region for failover"),
    "queue": (AGENT, "/staff/queue"),
    "desk": (AGENT, "/staff/queue", "Audit trail of a colleague who left"),
    "quote": (AGENT, "/staff/queue", "MemoryHub on our research cluster"),
    "requests": (AGENT, "/staff/requests"),
    "account": (AGENT, "/staff/accounts?q=Brotzeit", "Bäckerei Brotzeit & Söhne"),
    "operator": (OPERATOR, "/operator"),
    "costs": (OPERATOR, "/operator/costs"),
    "revenue": (OPERATOR, "/operator/revenue"),
    "disputes": (OPERATOR, "/operator/disputes"),
    "readiness": (OPERATOR, "/operator/readiness"),
    "letters": (OPERATOR, "/operator/letters"),
}

MIDDLE = {
    "usage": "Calls per day",
    "account": "Days of grace",
}  # where what a step is about stands further down


def links(var):
    """A fresh link for each of the three: who, and the address that signs them in."""
    done = subprocess.run(
        [sys.executable, "-m", "demo.links"],
        cwd=ROOT,
        env={**os.environ, "VAR": var},
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}


def main():
    folder = Path(os.environ.get("FOLDER") or ROOT / "docs" / "pictures")
    wanted = os.environ.get("NAMES", "").split() or STEPS
    ways_in = links(os.environ.get("VAR") or str(ROOT / "var" / "demo"))
    program = next(filter(None, map(shutil.which, BROWSERS)))
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=sandbox)
        pages = {}
        for name, (who, path, *clicks) in STEPS.items():
            if name not in wanted:
                continue
            if who not in pages:
                pages[who] = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
                pages[who].goto(ways_in[who])
                pages[who].get_by_role("button", name="Sign in").click()
            page = pages[who]
            page.goto("/".join(ways_in[who].split("/")[:3]) + path, wait_until="networkidle")
            for words in clicks:
                page.get_by_role("link", name=words).first.click()
                page.wait_for_load_state("networkidle")
            if name in MIDDLE:
                page.get_by_text(MIDDLE[name]).first.evaluate(
                    "one => one.scrollIntoView({block: 'center', behavior: 'instant'})"
                )
            taken = folder / f"tour-{name}.png"
            page.screenshot(path=taken)
            print(taken.name, taken.stat().st_size)
            assert taken.stat().st_size <= MOST_BYTES, f"{taken} is too large for the documents"
        browser.close()


if __name__ == "__main__":
    main()
