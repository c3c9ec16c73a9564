"""Accounts and staff, from the command line."""

import click

from portal import accounts
from portal.cli.base import House, house


@click.group("staff")
def staff_group() -> None:
    """Add and remove the people who run the platform, and help who is locked out."""


@staff_group.command("add")
@click.argument("email")
@click.option("--role", type=click.Choice(["support", "operator"]), required=True)
def add_staff(email: str, role: str) -> None:
    """Make EMAIL support staff or an operator, and print a sign-in link that works once, within a day."""
    with house() as here:
        person = accounts.add_staff(here.session, email, role, actor=here.actor, now=here.now)
        link = _sign_in_link(here, person)
    click.echo(link)


@staff_group.command("remove")
@click.argument("email")
def remove_staff(email: str) -> None:
    """Make EMAIL an ordinary person again, and sign them out everywhere."""
    with house() as here:
        accounts.remove_staff(here.session, email, actor=here.actor, now=here.now)
    click.echo(f"{email} is no longer staff.")


@staff_group.command("invite-first")
def invite_first() -> None:
    """Print a sign-in link for the first operator; nothing once an operator has ever signed in."""
    with house() as here:
        person = accounts.first_operator(here.session, actor=here.actor, now=here.now)
        link = _sign_in_link(here, person) if person is not None else None
    if link is not None:
        click.echo(link)


@staff_group.command("drop-codes")
@click.argument("email")
@click.option("--reason", required=True, help="How you made sure that it is them.")
def drop_codes(email: str, reason: str) -> None:
    """Turn sign-in codes off for EMAIL, who lost authenticator and recovery codes, and sign them out."""
    with house() as here:
        accounts.drop_codes(here.session, email, reason, actor=here.actor, now=here.now)
    click.echo(f"{email} signs in with the password alone from now on.")


@click.group("accounts")
def accounts_group() -> None:
    """Add, suspend, resume and observe accounts."""


@accounts_group.command("add")
@click.argument("name")
@click.option("--owner", "email", required=True, metavar="EMAIL", help="Whose it is; made if unknown.")
def add(name: str, email: str) -> None:
    """Open an account called NAME; print its id, then a sign-in link for its owner that works once."""
    with house() as here:
        account, owner = accounts.add_account(here.session, name, email, actor=here.actor, now=here.now)
        link = _sign_in_link(here, owner)
        account_id = account.id
    click.echo(account_id)
    click.echo(link)


@accounts_group.command("suspend")
@click.argument("account_id", metavar="ID")
@click.option("--reason", required=True, help="A sentence that the account's people will read.")
def suspend(account_id: str, reason: str) -> None:
    """Refuse the keys of account ID until it is resumed."""
    with house() as here:
        account = accounts.suspend(here.session, account_id, reason, actor=here.actor, now=here.now)
        here.push(account.tag)
    click.echo(f"Suspended {account_id}.")


@accounts_group.command("resume")
@click.argument("account_id", metavar="ID")
def resume(account_id: str) -> None:
    """Let the keys of account ID pass again."""
    with house() as here:
        account = accounts.resume(here.session, account_id, actor=here.actor, now=here.now)
        here.push(account.tag)
    click.echo(f"Resumed {account_id}.")


@accounts_group.command("observe")
@click.argument("account_id", metavar="ID")
@click.argument("switch", type=click.Choice(["on", "off"]))
def observe(account_id: str, switch: str) -> None:
    """Count the calls of account ID and refuse none, noting what would have been refused; or end that."""
    with house() as here:
        account = accounts.observe(here.session, account_id, switch == "on", actor=here.actor, now=here.now)
        here.push(account.tag)
    click.echo(f"{'Observing' if switch == 'on' else 'Enforcing the limits of'} {account_id}.")


groups = (staff_group, accounts_group)


def _sign_in_link(here: House, person: accounts.Person) -> str:
    return accounts.make_link(
        here.session, here.settings.public_url, "sign_in", now=here.now, person_id=person.id
    )
