"""Records: one JSON document about one artifact version."""
