"""Metrics: arrays in, one score a row out."""
