"""Keys: one for each program, some with limits of their own, some forgotten, some taken back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from demo.people import Act, Party, Token
from demo.stage import Stage
from portal import keys


def mint(
    name: str,
    *,
    environment: str = "live",
    scopes: Sequence[str] = (),
    networks: Sequence[str] = (),
    expires_days: int | None = None,
    used: bool = True,
) -> Act:
    """A key is made; one that is not `used` lies in a drawer."""

    def act(stage: Stage, party: Party) -> None:
        with stage.unit() as session:
            minted = keys.mint(
                session,
                party.account_id,
                name,
                environment=environment,
                scopes=scopes,
                allowed_cidrs=networks,
                expires_at=stage.now + timedelta(days=expires_days) if expires_days else None,
                stamp=stage.stamp,
                actor=party.actor,
                now=stage.now,
            )
        if used:
            party.tokens.append(Token(minted.key_id, name, minted.token, environment))

    return act


def revoke(name: str) -> Act:
    """A key is taken back."""

    def act(stage: Stage, party: Party) -> None:
        token = _called(party, name)
        with stage.unit() as session:
            keys.revoke(session, party.account_id, token.key_id, actor=party.actor, now=stage.now)
        party.tokens.remove(token)

    return act


def rotate(name: str, overlap_days: int) -> Act:
    """A key is replaced; the program goes on with the new one, the old one works a while longer."""

    def act(stage: Stage, party: Party) -> None:
        old = _called(party, name)
        with stage.unit() as session:
            minted = keys.rotate(
                session,
                party.account_id,
                old.key_id,
                timedelta(days=overlap_days),
                stamp=stage.stamp,
                actor=party.actor,
                now=stage.now,
            )
        at = party.tokens.index(old)
        party.tokens[at] = replace(old, key_id=minted.key_id, text=minted.token)

    return act


def _called(party: Party, name: str) -> Token:
    return next(token for token in party.tokens if token.name == name)
