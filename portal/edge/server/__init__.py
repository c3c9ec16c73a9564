"""The gate server: the edge on a socket of its own, where nothing waits for anything."""
