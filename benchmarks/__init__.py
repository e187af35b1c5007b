"""Benchmarks: what Twokey claims of its speed, measured beside its peers in one run. `make bench` runs them all."""
