"""What is minimised: content, style and smoothness, in one piece and in blocks."""
