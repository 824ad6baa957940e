#!/usr/bin/env bash
# Install Neural Style for GIMP for this user. ./install.sh --help lists the options.
# Looks for a Python that will do and hands over to installer/, which does the work.
set -u

case "${BASH_SOURCE[0]}" in
    */*) here=${BASH_SOURCE[0]%/*} ;;
    *) here=. ;;
esac
here=$(CDPATH='' cd -- "$here" && pwd -P) || exit 1

if [ ! -f "$here/installer/__main__.py" ]; then
    printf '%s\n' "✗ This copy of the project is incomplete: $here/installer is missing." "  Get a fresh clone." >&2
    exit 1
fi

# The first Python 3.10 or newer that can make environments; else the first that is new enough, which then says
# what it lacks.
good=""
second=""
old=""
for name in python3 python3.13 python3.12 python3.11 python3.10 python3.14; do
    python=$(command -v "$name") || continue
    version=$("$python" -E -s -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    if ! "$python" -E -s -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        old="$old $version"
        continue
    fi
    second=${second:-$python}
    if "$python" -E -s -c 'import venv, ensurepip' 2>/dev/null; then
        good=$python
        break
    fi
done
python=${good:-$second}
if [ -z "$python" ]; then
    if [ -n "$old" ]; then
        printf '%s\n' "✗ Python 3.10 or newer is needed; here is only$old." >&2
    else
        printf '%s\n' "✗ Python 3 was not found." >&2
    fi
    printf '%s\n' "  Install a newer Python (Debian, Ubuntu, Mint: sudo apt install python3 python3-venv)" \
        "  and run ./install.sh again." >&2
    exit 1
fi

exec "$python" -E -s -B "$here/installer/__main__.py" "$@"
