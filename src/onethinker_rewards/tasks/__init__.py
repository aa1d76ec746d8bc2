"""The tasks: a file each, and their ordered table."""
