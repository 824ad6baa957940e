"""Where styles come from: the gallery, files, layers and images."""
