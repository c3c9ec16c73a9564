"""The operator's way in: `upkeep <noun> <verb>`."""

import sys
from collections.abc import Sequence

import click
import redis
import sqlalchemy.exc

from portal.cli import accounts, billing, cloud, costs, keys, plans, scaling, spot, suggestions, usage


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def upkeep() -> None:
    """Run a platform that pays for itself: accounts, keys, plans, payments, usage and costs.

    Each verb finds a running `make run` by VAR (the state folder, ./var unless set), or what
    DATABASE_URL and REDIS_URL name.
    """


for room in (accounts, plans, keys, usage, billing, costs, cloud, scaling, suggestions, spot):
    for group in room.groups:
        upkeep.add_command(group)


def main(words: Sequence[str] | None = None) -> None:
    """Run one verb, of the command line's words unless others are given, and exit.

    It ends with 1 and one sentence when the database or Redis cannot be reached.
    """
    try:
        upkeep(words, prog_name="upkeep")
    except sqlalchemy.exc.OperationalError:
        sys.exit("Error: the database that DATABASE_URL names does not answer. Is `make run` up?")
    except redis.exceptions.ConnectionError:
        sys.exit("Error: the Redis that REDIS_URL names does not answer. Is `make run` up?")
