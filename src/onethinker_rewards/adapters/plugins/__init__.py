"""Files that are handed to a framework by their path."""
