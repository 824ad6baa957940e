"""What a client has of the server; travels to GIMP."""
