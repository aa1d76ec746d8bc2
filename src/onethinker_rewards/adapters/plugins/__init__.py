"""Files that a framework takes by their path."""
