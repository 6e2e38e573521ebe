"""The deployment files, checked by the tools that a deployment uses, as far as they work without an account."""
