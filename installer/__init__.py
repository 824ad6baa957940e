"""The installer: standard library only, because it runs before the virtual environment exists."""
