"""Where artifacts live: one adapter per object store, opened by URL."""
