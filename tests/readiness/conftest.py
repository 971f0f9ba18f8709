from tests.cloud import cloud, simulator

__all__ = ["cloud", "simulator"]
