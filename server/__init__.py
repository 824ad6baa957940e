"""The local process that paints: transport, queue, engine processes. Knows no GIMP."""
