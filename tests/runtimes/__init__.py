"""The three clouds' real Python runtimes, driven on loopback: what the tests and the demonstration run handlers in."""
