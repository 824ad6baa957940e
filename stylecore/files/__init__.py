"""Picture files in and out: :mod:`stylecore.files.pictures` reads and :mod:`stylecore.files.writing` writes them."""
