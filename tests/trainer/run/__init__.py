"""The trainer inside verl, on a CPU."""
