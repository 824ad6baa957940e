"""The files that a command reads and writes."""
