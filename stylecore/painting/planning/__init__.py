"""What is settled before a job paints: its scales and brush, and what they cost in time."""
