"""Killable processes for work that can hang."""
