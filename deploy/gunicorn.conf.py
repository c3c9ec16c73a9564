"""How gunicorn serves Upkeep: two processes of a few threads each, on this machine's own address."""

import os
import pathlib

wsgi_app = "wsgi:application"
bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '8000'}"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
worker_class = "gthread"
threads = 8
timeout = 30
graceful_timeout = 5
keepalive = 5
control_socket_disable = True  # it would be opened in the home folder

# Here the processes keep their counts for each other, so that one scrape of /metrics tells of all.
var = pathlib.Path(os.environ.get("VAR") or "var").resolve()
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(var / f"metrics-{os.environ.get('PORT') or '8000'}"))


def on_starting(server):
    """Begin without what earlier processes counted: their counters ended with them."""
    folder = pathlib.Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    for kept in folder.glob("*.db"):
        kept.unlink()
