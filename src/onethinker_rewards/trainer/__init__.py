"""The reference trainer on verl: one more user of the library.

What is here imports neither verl, vLLM nor Ray before it is used.
"""
