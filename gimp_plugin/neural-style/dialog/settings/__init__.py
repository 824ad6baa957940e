"""The right of the dialog: how it is to be painted."""
