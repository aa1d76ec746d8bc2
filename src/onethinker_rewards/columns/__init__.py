"""From the answer texts of one kind to arrays and failure codes."""
