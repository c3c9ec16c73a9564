"""Answers by mail, until it is told to stop: `python -m portal.post`."""

import asyncio
import os
import signal
import sys
import time

import structlog

from portal.kit import clock, db, logs
from portal.kit.settings import Settings, SettingsError, load
from portal.post.limits import Limits
from portal.post.listener import listen

CONNECTIONS = 4
KEEP_SECONDS = 20  # the longest that a letter waits to be kept; then its sender keeps it

log = structlog.get_logger(__name__)


def main() -> None:
    """Listen as the environment says; a wrong setting ends the process with its sentence."""
    logs.configure()
    try:
        settings = load(os.environ)
        if settings.post is None:
            raise SettingsError("REPLY_ADDRESS is not set: there is nothing to listen for.")
        asyncio.run(_run(settings))
    except SettingsError as problem:
        sys.exit(f"Upkeep does not listen for mail: {problem}")
    except OSError as problem:
        sys.exit(f"Upkeep cannot listen for mail: {problem}")


async def _run(settings: Settings) -> None:
    clock.configure(settings.clock_file)
    bind = db.engine(
        settings.database_url,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=KEEP_SECONDS,
        connect_args={"connect_timeout": 5, "options": f"-c statement_timeout={KEEP_SECONDS}s"},
    )
    server = await listen(settings, db.sessions(bind), Limits(time.monotonic))
    log.info("listening for mail", address=str(server.sockets[0].getsockname()))
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    server.close()  # a letter that is not kept by now is kept by its sender
    bind.dispose()


main()
