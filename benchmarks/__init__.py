"""Speed beside the peers and the floor: ``python -m benchmarks``."""
