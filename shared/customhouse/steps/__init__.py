"""Verdicts become steps; one executor changes the world."""
