"""Wire formats: what each cloud sends becomes a list of events."""
