"""The same rules in the words of each cloud."""
