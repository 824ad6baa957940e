"""The left of the dialog: which styles."""
