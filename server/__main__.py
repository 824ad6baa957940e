"""``python -m server``: the server in the foreground."""

import sys

from server.cli.serve import main

if __name__ == "__main__":
    sys.exit(main())
