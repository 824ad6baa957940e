"""What belongs to a photo beside its pixels: read, kept and written again."""
