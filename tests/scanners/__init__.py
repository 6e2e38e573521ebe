"""Scanner tests: hostile samples are built in code and never run."""
