"""Tests of the server package: over real sockets, with real server and engine processes."""
