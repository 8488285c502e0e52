"""Benchmarks: kvcluster beside other systems, on one machine, in one run (`./dev bench`)."""
