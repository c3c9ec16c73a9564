"""The house as an operator's verb sees it: settings, one unit, the gate."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import click
from sqlalchemy.orm import Session, sessionmaker

from portal import accounts, metering
from portal.gate import Gate, Unavailable, connect
from portal.kit import clock, db
from portal.kit.errors import Refusal
from portal.kit.settings import Settings, SettingsError, load


@dataclass
class House:
    """What a verb works with. `push` tells the gate of an account's change once the unit has ended."""

    settings: Settings
    sessions: sessionmaker[Session]
    session: Session
    gate: Gate
    now: datetime
    actor: accounts.Actor
    pushed: list[str] = field(default_factory=list)

    def push(self, tag: str) -> None:
        """Remember to tell the gate of this account's change after the commit."""
        self.pushed.append(tag)

    def link(self, path: str) -> str:
        """A path as an address that people can open."""
        return self.settings.public_url + path


def reach() -> Settings:
    """The settings alone, for what is asked outside of a unit."""
    try:
        return load(os.environ)
    except SettingsError as problem:
        raise click.ClickException(str(problem)) from None


@contextmanager
def refusing() -> Iterator[None]:
    """Refusals end with exit 1 and their sentence."""
    try:
        yield
    except Refusal as refusal:
        raise click.ClickException(refusal.sentence) from None


@contextmanager
def house() -> Iterator[House]:
    """One unit of an operator's verb; refusals end with exit 1 and their sentence."""
    try:
        settings = load(os.environ)
        clock.configure(settings.clock_file)
        bind = db.engine(settings.database_url)
        sessions = db.sessions(bind)
        gate = metering.open_gate(settings, connect(settings.redis_url), sessions)
        with sessions() as session:
            actor = accounts.Actor(person_id=None, label=f"operator {getpass.getuser()}", address=None)
            here = House(settings, sessions, session, gate, clock.now(), actor)
            with db.unit(session):
                yield here
        _tell(gate, here.pushed)
        bind.dispose()
    except SettingsError as problem:
        raise click.ClickException(str(problem)) from None
    except Refusal as refusal:
        raise click.ClickException(refusal.sentence) from None


def _tell(gate: Gate, tags: list[str]) -> None:
    """What is committed stays so: when the gate cannot be told now, the worker tells it within seconds."""
    try:
        for tag in tags:
            gate.push(tag)
    except Unavailable as problem:
        click.echo(f"Done, but the gate could not be told yet ({problem}) The worker will tell it.", err=True)
