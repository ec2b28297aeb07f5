"""The ListValue server."""
