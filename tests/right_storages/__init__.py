"""Right storages of different make, which the conformance kit must call conformant, whatever the seed and the load."""
