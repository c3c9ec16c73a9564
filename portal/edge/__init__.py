"""The edge: the machine's way in, plain WSGI without a framework or a database."""
