"""control, to come."""
