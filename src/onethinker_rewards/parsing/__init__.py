"""Finding thinking and answer in a response."""
