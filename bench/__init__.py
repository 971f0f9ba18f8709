"""Measurements that docs/performance.md quotes: `make bench`, or `make bench ONLY=name`."""
