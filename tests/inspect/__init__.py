"""The inspection engine."""  # noqa: A005 -- mirrors the package it tests
