"""A host with 25 regions on a virtual clock, of which everything that decides is the engine's own (`benchmarks/simulate.py`)."""
