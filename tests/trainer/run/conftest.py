"""Keeps the shims from being collected: only verl and vLLM can import them."""

collect_ignore = ["cpu"]
