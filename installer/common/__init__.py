"""What all of the installer stands on: folders, processes, systems, and what is said."""
