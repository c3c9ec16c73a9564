"""Upkeep: what the product knows and decides, and the web it shows."""
