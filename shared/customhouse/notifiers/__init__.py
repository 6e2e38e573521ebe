"""Where messages go: one adapter per service, opened by URL."""
