"""The trainer's parts, without verl."""
