"""The web's composition root: settings, two ways in, one dispatcher."""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

from portal import gate, keys, metering
from portal.edge import wsgi as edge
from portal.edge.services import Services
from portal.kit import clock, db, logs
from portal.kit.settings import Settings, SettingsError, load
from portal.kit.trust import Trust
from portal.web import create_app, metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BOOK_CONNECTIONS = 4
BOOK_SECONDS = 5  # the longest that a call waits for the book, or for a place in its queue


def compose(settings: Settings) -> Flask:
    """The site, with the gate's edge in front of it."""
    clock.configure(settings.clock_file)
    options = f"-c statement_timeout={BOOK_SECONDS}s"
    bind = db.engine(
        settings.database_url,
        pool_size=BOOK_CONNECTIONS,
        max_overflow=0,
        pool_timeout=BOOK_SECONDS,
        connect_args={"options": options, "connect_timeout": 2},
    )
    sessions = db.sessions(bind)
    door = metering.open_gate(settings, gate.connect(settings.redis_url), sessions)

    def service_keys() -> dict[str, str]:
        with sessions() as session:
            return {key.digest: key.id for key in keys.live_service_keys(session)}

    services = Services(service_keys, settings.key_peppers, settings.key_prefixes)
    site = create_app(settings, push=door.push, gate=door)
    site.extensions["upkeep.services"] = services
    machines = edge.application(
        door,
        services,
        trusted_proxies=settings.trusted_proxies,
        public_url=settings.public_url,
        observe=settings.gate_mode == "observe",
        told=metrics.told,
    )
    people = site.wsgi_app
    trust = Trust(settings.trusted_proxies)

    def dispatch(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if edge.owns(environ.get("PATH_INFO", "")):
            return machines(environ, start_response)
        environ["upkeep.request_id"] = trust.request_id(environ)
        environ["upkeep.peer"] = environ.get("REMOTE_ADDR", "")
        environ["REMOTE_ADDR"] = trust.client(environ) or ""
        return people(environ, start_response)

    site.wsgi_app = dispatch  # type: ignore[method-assign]
    return site


def start() -> Flask:
    """Compose from the environment; a wrong setting ends the process with its sentence."""
    logs.configure()
    try:
        return compose(load(os.environ))
    except SettingsError as problem:
        sys.exit(f"Upkeep does not start: {problem}")


application: Any = start()
