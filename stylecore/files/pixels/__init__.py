"""Pixels on their way from a file to floats: samples, rows, colours."""
