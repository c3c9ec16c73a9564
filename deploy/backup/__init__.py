"""Backups: one moment of the database, kept so that it can be proved to be whole."""
