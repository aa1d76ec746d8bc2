"""Equality of mathematics as models write it."""
