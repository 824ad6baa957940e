"""The engine processes: what runs in one, and the pool that the broker holds."""
