"""L-BFGS within the box of colours: its steps, what it remembers, and when it has settled."""
