"""Coverage-guided fuzzing of reading and scoring: ``make fuzz``."""
