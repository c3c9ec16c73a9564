"""The site, made once for each set of settings: its routes take longer to lay out than most tests to run."""

import threading
from contextlib import contextmanager
from functools import lru_cache

from jinja2 import BytecodeCache
from werkzeug.serving import make_server

from portal.web import create_app, equip, site

KEPT = 6  # each has connections of its own to the database


class Compiled(BytecodeCache):
    """The site's templates, compiled once for all sites."""

    def __init__(self):
        self._known = {}

    def load_bytecode(self, bucket):
        if (found := self._known.get((bucket.key, bucket.checksum))) is not None:
            bucket.code = found

    def dump_bytecode(self, bucket):
        self._known[bucket.key, bucket.checksum] = bucket.code


COMPILED = Compiled()


@lru_cache(KEPT)
def _made(settings):
    app = create_app(settings, TESTING=True, RATELIMIT_ENABLED=False)
    app.jinja_env.bytecode_cache = COMPILED
    return app


def site_of(settings, **parts):
    """The site with these settings, with the parts that `create_app` takes, for one test.

    CSRF is checked as in production; throttles are off. Of two that are asked for with the same settings
    the later one's parts are in both.
    """
    app = _made(settings)
    site.limiter.enabled = False  # all sites of a process share it, and another may have turned it on
    equip(app, settings, **parts)
    return app


@contextmanager
def served(app):
    """The address of a site, on a port of its own for as long as the context lasts."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
