"""The reference trainer on verl: one more user of the library. Only ``verl`` imports verl where it is imported."""
