"""Mirrors shared/customhouse."""
