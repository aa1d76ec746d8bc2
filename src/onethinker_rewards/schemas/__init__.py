"""What a model may write: one pydantic model a kind of answer."""
