"""`python -m sandbox.stripe`: a Stripe for one machine. No money moves."""

import argparse
import contextlib
import signal
import sys
from pathlib import Path

from sandbox.stripe.server import HOST, Server


def main() -> None:
    """Read the arguments, answer until told to end."""
    asked = _arguments()
    asked.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        server = Server(key=asked.key, port=asked.port, state=asked.state, clock=asked.clock)
    except (ValueError, OSError, OverflowError) as problem:
        sys.exit(f"The sandbox cannot start: {problem}")
    if asked.webhook_url:
        server.endpoint(asked.webhook_url, asked.webhook_secret)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"Simulated Stripe on http://{HOST}:{server.port} (no money moves).", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.stripe", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where to answer, on 127.0.0.1")
    parser.add_argument("--state", type=Path, required=True, help="the folder of its SQLite file")
    parser.add_argument("--clock", type=Path, help="a file with whole microseconds to add to real time")
    parser.add_argument("--key", required=True, help="the secret key: sk_sandbox_...")
    parser.add_argument("--webhook-url", help="where events go")
    parser.add_argument("--webhook-secret", help="what they are signed with: whsec_...")
    asked = parser.parse_args()
    if asked.webhook_url and not asked.webhook_secret:
        parser.error("--webhook-url needs --webhook-secret")
    return asked


if __name__ == "__main__":
    main()
