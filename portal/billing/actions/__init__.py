"""Billing, as changed: one file for each thing that changes."""
