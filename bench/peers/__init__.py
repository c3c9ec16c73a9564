"""Peers: the same check, as others would write it."""
