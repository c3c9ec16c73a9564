"""Server: the standard library's, one thread a request, on loopback alone."""

from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from sandbox.stripe.app import Sandbox, application
from sandbox.stripe.clock import Clock
from sandbox.stripe.objects.events import make as make_endpoint
from sandbox.stripe.store import Store
from sandbox.stripe.webhooks import Courier
from sandbox.stripe.world import World

HOST = "127.0.0.1"


class _Threading(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's would ask the resolver for our name
        self.server_name, self.server_port = HOST, int(self.server_address[1])
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    disable_nagle_algorithm = True  # or every answer waits 40 ms for an acknowledgement

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def address_string(self) -> str:
        return str(self.client_address[0])


class Server:
    """A running sandbox."""

    def __init__(
        self,
        *,
        key: str,
        port: int = 0,
        state: Path | None = None,
        clock: Path | None = None,
    ) -> None:
        if not key.startswith("sk_sandbox_"):
            raise ValueError("The sandbox takes keys that begin with sk_sandbox_ and no others.")
        store = Store(state / "stripe.sqlite3" if state else None)
        moved = Clock(clock)
        self.sandbox = Sandbox(store, moved, key, Courier(store, moved))
        self._http = make_server(HOST, port, application(self.sandbox), _Threading, _Quiet)
        self.port = self._http.server_port
        self.sandbox.base = f"http://{HOST}:{self.port}"

    def endpoint(self, url: str, secret: str, events: tuple[str, ...] = ("*",)) -> None:
        """Let events go to an address; one that is known keeps its place and takes the secret."""
        sandbox = self.sandbox
        with sandbox.store.transaction():
            world = World(sandbox.store, sandbox.clock.now(), sandbox.base)
            known = next((one for one in sandbox.store.find("webhook_endpoint") if one["url"] == url), None)
            if known is None:
                make_endpoint(world, url, list(events), secret)
            else:
                world.save({**known, "_secret": secret, "status": "enabled", "enabled_events": list(events)})

    def start(self, *, deliver: bool = True) -> None:
        """Answer in the background; deliver too, unless told otherwise."""
        if deliver:
            self.sandbox.courier.start()
        Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def run(self) -> None:
        """Answer and deliver until interrupted."""
        self.sandbox.courier.start()
        self._http.serve_forever()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self.sandbox.courier.stop()
        self.sandbox.store.close()
