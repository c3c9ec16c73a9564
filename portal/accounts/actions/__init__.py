"""Accounts, as changed."""
