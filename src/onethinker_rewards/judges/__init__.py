"""Clients of models that are asked over HTTP: teachers that write answers, and judges that score free text."""
