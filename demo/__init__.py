"""The demonstration: the same artifacts on three clouds, each through its own events and its real runtime."""
