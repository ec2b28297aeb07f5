"""Filters: what of a stream somebody wants to see, written on one line."""
