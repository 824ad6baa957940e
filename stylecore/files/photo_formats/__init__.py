"""Readers of what cameras, phones and the web write."""
