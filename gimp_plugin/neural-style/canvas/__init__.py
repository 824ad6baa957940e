"""GIMP's layers: the only rooms that read and write them."""
