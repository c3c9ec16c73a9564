"""Keys, from the command line: minted, imported and revoked, service keys too."""

from pathlib import Path

import click

from portal import accounts, keys
from portal.cli.base import House, house


@click.group("keys")
def keys_group() -> None:
    """Mint, import and revoke the keys of accounts."""


@keys_group.command()
@click.argument("account")
@click.argument("name")
@click.option("--env", "environment", type=click.Choice(["live", "test"]), default="live", show_default=True)
@click.option("--scope", "scopes", multiple=True, help="A scope that the key carries; may be repeated.")
@click.option("--allow", "cidrs", multiple=True, metavar="CIDR", help="A network it may be used from.")
@click.option("--external-id", help="Your own id of whoever uses it; verdicts repeat it.")
def mint(
    account: str,
    name: str,
    environment: str,
    scopes: tuple[str, ...],
    cidrs: tuple[str, ...],
    external_id: str | None,
) -> None:
    """Mint a key called NAME for ACCOUNT and print it, alone on the last line. It is shown only now."""
    with house() as here:
        minted = keys.mint(
            here.session,
            account,
            name,
            stamp=_stamp(here),
            actor=here.actor,
            now=here.now,
            environment=environment,
            scopes=scopes,
            allowed_cidrs=cidrs,
            external_id=external_id,
            vouched=True,
        )
        here.push(accounts.tag(here.session, account))
    click.echo(f"{minted.key_id} {minted.name} ({minted.environment})")
    click.echo(minted.token)


@keys_group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Bring in keys that you already gave out, so that they go on working: all of FILE, or nothing.

    FILE is CSV with a heading, or JSON Lines. Columns: digest (hex), algorithm (sha256, sha512,
    sha384, sha224, sha1 or md5 of the whole key), account_id; and if you like external_id, name,
    start, environment (live or test), scopes (separated by spaces), expires_at (ISO 8601).
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise click.ClickException(f"{file} cannot be read: {problem}.") from None
    with house() as here:
        done = keys.import_keys(here.session, keys.read_rows(text), actor=here.actor, now=here.now)
        for account_id in done.account_ids:
            here.push(accounts.tag(here.session, account_id))
    click.echo(f"{done.kept} keys brought in, {done.standing} stood already.")


@keys_group.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Revoke the key KEY_ID: it stops working now and for ever."""
    with house() as here:
        account_id = keys.account_of(here.session, key_id)
        keys.revoke(here.session, account_id, key_id, actor=here.actor, now=here.now)
        here.push(accounts.tag(here.session, account_id))
    click.echo(f"Revoked {key_id}.")


@click.group("service-keys")
def service_keys_group() -> None:
    """Mint, list and revoke the keys that your API itself shows."""


@service_keys_group.command("mint")
@click.argument("name")
def mint_service(name: str) -> None:
    """Mint a service key called NAME and print it, alone on the last line. It is shown only now."""
    with house() as here:
        minted = keys.mint_service(here.session, name, stamp=_stamp(here), actor=here.actor, now=here.now)
    click.echo(f"{minted.key_id} {minted.name}")
    click.echo(minted.token)


@service_keys_group.command("revoke")
@click.argument("key_id", metavar="ID")
def revoke_service(key_id: str) -> None:
    """Revoke the service key ID: within a second nothing that shows it is answered."""
    with house() as here:
        keys.revoke_service(here.session, key_id, actor=here.actor, now=here.now)
    click.echo(f"Revoked {key_id}.")


@service_keys_group.command("list")
def list_service() -> None:
    """List the service keys, newest first: id, name, since when, until when."""
    with house() as here:
        rows = keys.service_keys(here.session)
    for row in rows:
        ended = f"revoked {row.revoked_at:%Y-%m-%d %H:%M} UTC" if row.revoked_at else "live"
        click.echo(f"{row.id}  {row.minted_at:%Y-%m-%d %H:%M} UTC  {ended}  {row.name}")
    if not rows:
        click.echo("There are no service keys yet: mint one with `upkeep service-keys mint NAME`.")


groups = (keys_group, service_keys_group)


def _stamp(here: House) -> keys.Stamp:
    return keys.Stamp(here.settings.key_prefix, here.settings.key_peppers[0])
