"""portal, to come."""
