"""From responses and references to rewards."""
