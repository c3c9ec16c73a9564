"""How gunicorn serves Upkeep: two processes of a few threads each, on this machine's own address."""

import os

wsgi_app = "wsgi:application"
bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '8000'}"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
worker_class = "gthread"
threads = 8
timeout = 30
graceful_timeout = 5
keepalive = 5
control_socket_disable = True  # it would be opened in the home folder
