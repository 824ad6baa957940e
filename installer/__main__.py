"""Entry: ``install.sh`` runs this file with the system's Python."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    # Python puts the folder of a file that it runs on its path; the package needs the folder above it instead.
    sys.path[:] = [str(here.parent), *(entry for entry in sys.path if entry != str(here))]
    from installer.main import main

    sys.exit(main())
