#!/bin/bash
# For a double click in macOS' Finder: runs install.sh beside it in a window that stays until it is read.
"${BASH_SOURCE[0]%/*}/install.sh" "$@"
status=$?
read -r -p "Press Return to close this window."
exit $status
