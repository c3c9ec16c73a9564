"""Upkeep on one machine: PostgreSQL, Redis, the web and the workers under one supervisor."""
