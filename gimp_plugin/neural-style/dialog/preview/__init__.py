"""The middle of the dialog: what it would look like, and how long it would take."""
