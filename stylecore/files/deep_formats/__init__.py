"""Readers of what scanners, studios and instruments write, in more than 8 bits."""
