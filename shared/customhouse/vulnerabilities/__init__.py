"""Known vulnerabilities: OSV records in a compact sharded index, matched in each ecosystem's own version order."""
