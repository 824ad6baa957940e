"""The VGG-19: its weights, its layers, and the arithmetic that it computes in."""
