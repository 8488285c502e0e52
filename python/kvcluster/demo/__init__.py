"""Scripted demonstrations on real processes: numbered steps, each with what must be seen."""
