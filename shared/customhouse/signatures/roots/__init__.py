"""Trust roots as they were packaged; a policy may name another."""
