"""Entry: ``install.sh`` runs this file with the system's Python."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    # Python puts the folder of a file that it runs on its path; the package needs the folder above it instead.
    sys.path[:] = [str(here.parent), *(entry for entry in sys.path if entry != str(here))]
    try:
        from installer.main import main
    except ModuleNotFoundError as error:
        if str(error.name).split(".")[0] not in ("installer", "stylecore"):
            raise
        sys.exit(f"✗ This copy of the project is incomplete: {error.name} is missing.\n  Get a fresh clone.")

    sys.exit(main())
