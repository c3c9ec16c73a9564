"""Whether this machine's web or gate is ready: `python -m deploy.healthy [--gate] [--wait SECONDS]`."""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request

from deploy.local.process import wait_until

ANSWER_SECONDS = 5


def main() -> int:
    """0 when /readyz (or the gate's /healthz) answers 200; else 1, with what is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m deploy.healthy", description=__doc__)
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="ask until then")
    parser.add_argument("--gate", action="store_true", help="ask the gate server whether it lives")
    asked = parser.parse_args()
    port = int(os.environ.get("PORT") or "8000")
    gate = int(os.environ.get("GATE_PORT") or port + 1)
    url = f"http://127.0.0.1:{gate}/healthz" if asked.gate else f"http://127.0.0.1:{port}/readyz"
    if wait_until(lambda: not _failing(url), asked.wait):
        print("Ready")
        return 0
    print(f"Not ready: {_failing(url) or 'it was, a moment later'}", file=sys.stderr)
    return 1


def _failing(url: str) -> str:
    """What /readyz complains of; empty when it does not."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never by way of a proxy
    try:
        opener.open(url, timeout=ANSWER_SECONDS).close()
    except urllib.error.HTTPError as refused:
        try:
            checks = json.loads(refused.read())["checks"]
        except (ValueError, KeyError, TypeError):
            return f"{url} answered {refused.code}."
        return " ".join(said for said in checks.values() if said != "ok")
    except OSError as problem:
        return f"{url} does not answer: {problem}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
