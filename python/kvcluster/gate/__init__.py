"""Quality gates: eight points each, every one carried out for real, with its evidence."""
