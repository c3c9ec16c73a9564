"""The database: whatever time zone a server keeps, moments are told in UTC."""

from datetime import timedelta

from sqlalchemy import text

from portal.kit import db


def test_moments_are_told_in_utc_whatever_the_server_keeps(database_url):
    bind = db.engine(database_url, connect_args={"options": "-c timezone=Europe/Berlin"})
    with bind.connect() as connection:
        [at] = connection.execute(text("SELECT TIMESTAMPTZ '2026-10-24 12:00Z'")).one()
    bind.dispose()
    assert at.utcoffset() == (at + timedelta(days=7)).utcoffset() == timedelta()
