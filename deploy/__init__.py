"""Upkeep, put on a machine."""
