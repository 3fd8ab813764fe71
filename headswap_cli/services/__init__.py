"""Workflows without a terminal: what the commands do."""
