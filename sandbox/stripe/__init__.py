"""Stripe, simulated: a small stateful stand-in on loopback. No money moves."""

API_VERSION = "2026-10-28.endive"
ACCOUNT = "acct_sandbox"
