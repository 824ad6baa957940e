"""Picture files in and out: :mod:`stylecore.files.pictures` reads and :mod:`stylecore.files.writing` writes them.

``photo_formats`` and ``deep_formats`` hold a reader for each format, ``pixels`` what they share, ``metadata`` what belongs
to a photo beside its pixels.
"""
