"""The engine: a device, its memory, and the network on it."""
