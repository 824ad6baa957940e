"""What an image's colours, and its steps of colour, have of a style's."""
