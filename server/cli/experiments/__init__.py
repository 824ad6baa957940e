"""Sweeps, reconstructions and sheets."""
