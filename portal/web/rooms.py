"""Rooms: which file of pages is open to the public, one noun each."""

from flask import Flask


def open_all(app: Flask) -> None:
    """Register every noun's blueprint."""
