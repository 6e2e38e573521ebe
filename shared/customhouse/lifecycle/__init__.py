"""Retention over buckets: one vocabulary, one interpreter, plans and native rules."""
