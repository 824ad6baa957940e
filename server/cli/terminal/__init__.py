"""What is typed, and what is said: arguments, words on both streams, progress."""
