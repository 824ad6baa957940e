"""The server's Python environment, and the PyTorch that this machine wants."""
