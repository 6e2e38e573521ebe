"""The inspection engine: opens an artifact under a budget and keeps the ledger of what it saw."""
