"""customhouse: opens, inspects, judges and retires every artifact that lands in a bucket or registry."""

__version__ = "0.1.0"
