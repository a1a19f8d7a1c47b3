"""Wrong storages: each a small change to a right one, most of them a bug that a real queue had.

Each declares the case of the conformance kit that must refuse it first, and others that must refuse it too.
"""
