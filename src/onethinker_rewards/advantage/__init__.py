"""Rewards to advantages, on torch tensors."""
