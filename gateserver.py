"""The gate server's composition root: settings, the gate with its book, one process's serving."""

import os
import sys

from portal import gate, keys, metering
from portal.edge.exchange import Edge
from portal.edge.server.serving import Serving
from portal.edge.server.tallies import Tallies
from portal.edge.services import Services
from portal.kit import clock, db, logs
from portal.kit.settings import Settings, SettingsError, load

BOOK_CONNECTIONS = 4
BOOK_SECONDS = 5  # the longest that a call waits for the book, or for a place in its queue


def compose(settings: Settings) -> Serving:
    """One process of the gate server, not begun."""
    clock.configure(settings.clock_file)
    bind = db.engine(
        settings.database_url,
        pool_size=BOOK_CONNECTIONS,
        max_overflow=0,
        pool_timeout=BOOK_SECONDS,
        connect_args={"options": f"-c statement_timeout={BOOK_SECONDS}s", "connect_timeout": 2},
    )
    sessions = db.sessions(bind)
    door = metering.open_gate(settings, gate.connect(settings.redis_url), sessions)
    tallies = Tallies()

    def service_keys() -> dict[str, str]:
        with sessions() as session:
            return {key.digest: key.id for key in keys.live_service_keys(session)}

    services = Services(service_keys, settings.key_peppers, settings.key_prefixes, by_itself=False)
    edge = Edge(
        services,
        trusted_proxies=settings.trusted_proxies,
        public_url=settings.public_url,
        observe=settings.gate_mode == "observe",
        told=tallies.told,
    )
    return Serving(
        door,
        edge,
        services,
        settings.redis_url,
        learn=door.scripts,
        tallies=tallies,
        metrics_public=settings.metrics_public,
        leases=settings.gate_leases,
        cluster=door.masters,
        close=bind.dispose,
    )


def application() -> Serving:
    """Compose from the environment; a wrong setting ends the process with its sentence."""
    logs.configure()
    try:
        return compose(load(os.environ))
    except SettingsError as problem:
        sys.exit(f"Upkeep's gate does not start: {problem}")
