"""Signature tests: an authority of our own makes right and wrong signatures in code."""
