"""Support, as changed: one file for each thing that happens to a ticket."""
