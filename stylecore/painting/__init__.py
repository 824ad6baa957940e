"""A job: what it is given, its plan, its steps, and its state."""
