"""What is measured of our nodes alone: outages, recovery, large data, checkpoints."""
