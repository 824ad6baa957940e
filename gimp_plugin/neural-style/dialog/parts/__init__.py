"""What the parts of the dialog share."""
