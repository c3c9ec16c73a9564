"""How gunicorn serves the gate: two processes of one loop each, one port above the web's."""

import os

wsgi_app = "gateserver:application"
_host = os.environ.get("HOST") or "127.0.0.1"
bind = f"{_host}:{os.environ.get('GATE_PORT') or int(os.environ.get('PORT') or '8000') + 1}"
workers = int(os.environ.get("GATE_CONCURRENCY") or 2)
worker_class = "portal.edge.server.worker.GateWorker"
worker_connections = 4096
timeout = 30
graceful_timeout = 5
control_socket_disable = True  # it would be opened in the home folder
