"""Links: a way in for a customer, an agent and the operator, each good once, within a day."""

import os
import sys
from typing import Final

from demo import people, story
from portal import accounts
from portal.kit import clock, db
from portal.kit.db import unit
from portal.kit.settings import load

CUSTOMER: Final = next(part for part in story.leads(clock.now()) if part.slug == story.CUSTOMER)
WHO: Final = (
    ("Customer", CUSTOMER.email),
    ("Agent", people.AGENTS[0]),
    ("Operator", people.OPERATOR),
)


def main() -> None:
    """Print a line for each."""
    settings = load(os.environ)
    clock.configure(settings.clock_file)
    with db.sessions(db.engine(settings.database_url))() as session, unit(session):
        for what, email in WHO:
            if (person := accounts.by_email(session, email)) is None:
                sys.exit(f"Nobody signs in as {email}: begin anew with RESET=1.")
            link = accounts.make_link(
                session, settings.public_url, "sign_in", now=clock.now(), person_id=person.id
            )
            print(f"{what:<9} {link} ({person.name}; signs you in once)")


if __name__ == "__main__":
    main()
