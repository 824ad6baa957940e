"""Paintings from their request to their layers."""
