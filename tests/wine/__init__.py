"""The server's side on Windows, as far as Wine can tell."""
