"""The other process of a client whose Python cannot load pyzmq."""
