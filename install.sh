#!/usr/bin/env bash
# Install Neural Style for GIMP for this user. ./install.sh --help lists the options.
# Looks for a Python that will do, or fetches one, and hands over to installer/, which does the work.
set -u

case "${BASH_SOURCE[0]}" in
    */*) here=${BASH_SOURCE[0]%/*} ;;
    *) here=. ;;
esac
here=$(CDPATH='' cd -- "$here" && pwd -P) || exit 1

fail() {
    printf '%s\n' "✗ $1" "  $2" >&2
    exit 1
}

[ -f "$here/installer/__main__.py" ] ||
    fail "This copy of the project is incomplete: $here/installer is missing." "Get a fresh clone."

mac=no
[ "$(uname -s 2>/dev/null)" = Darwin ] && mac=yes
# Where a Python is that was fetched before: stylecore/system.py says the same.
if [ $mac = yes ]; then
    data="${XDG_DATA_HOME:-${HOME:-}/Library/Application Support}/gimp-neural-style"
else
    data="${XDG_DATA_HOME:-${HOME:-}/.local/share}/gimp-neural-style"
fi

candidates() {
    local name
    for name in python3 python3.13 python3.12 python3.11 python3.10 python3.14; do
        name=$(command -v "$name") || continue
        # A new Mac's own is a stand-in that opens a window and offers Apple's developer tools.
        [ $mac = yes ] && [ "$name" = /usr/bin/python3 ] && ! xcode-select -p >/dev/null 2>&1 && continue
        printf '%s\n' "$name"
    done
    if [ $mac = yes ]; then # the Finder's PATH has neither Homebrew's nor python.org's
        printf '%s\n' /opt/homebrew/bin/python3 /usr/local/bin/python3 \
            /Library/Frameworks/Python.framework/Versions/3.1[0-4]/bin/python3
    fi
    printf '%s\n' "$data"/python/cpython-3.*/bin/python3
}

# The first Python 3.10 or newer that can make environments; else the first that is new enough, which then says
# what it lacks.
good=""
second=""
old=""
choose() {
    while IFS= read -r python; do
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
    done <<<"$(candidates)"
}

# uv fetches a Python that needs nothing of the system. Its own program is that of its release, whose sums are published beside it.
uv=0.12.16
releases=https://github.com/astral-sh/uv/releases/download
fetch_python() {
    local built sum folder shown
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64)
            built=x86_64-unknown-linux-gnu
            sum=8e5c6e5523dffc2dcf615bd995554c84c9feb4e577808a3fb8698a639d3f8d9c
            ;;
        Linux-aarch64)
            built=aarch64-unknown-linux-gnu
            sum=36d913ee9c647481d64f1a0a0485f85ff2feaee605c341fc22e73398f9212c26
            ;;
        Darwin-arm64)
            built=aarch64-apple-darwin
            sum=b6e03fae61704b1aa622f12b792a69483e837b83068e44f4fd34f8a07a8f74a3
            ;;
        *) return 1 ;;
    esac
    command -v curl >/dev/null || return 1
    printf '%s\n' "• There is no Python 3.10 or newer here: fetching one for this program alone, with uv $uv"
    folder="$data/download-uv"
    mkdir -p "$folder" || return 1
    if ! curl --fail --location --silent --show-error --output "$folder/uv.tar.gz" "$releases/$uv/uv-$built.tar.gz"; then
        rm -rf "$folder"
        rmdir "$data" 2>/dev/null
        return 1
    fi
    shown=$( (sha256sum "$folder/uv.tar.gz" || shasum -a 256 "$folder/uv.tar.gz") 2>/dev/null)
    if [ "${shown%% *}" != $sum ]; then
        rm -rf "$folder"
        rmdir "$data" 2>/dev/null
        fail "uv, which was fetched, is not what it should be (SHA-256 ${shown%% *})." \
            "Try again; if it stays so, something on the way here changes it: install a Python yourself."
    fi
    tar -xzf "$folder/uv.tar.gz" -C "$folder"
    UV_PYTHON_INSTALL_DIR="$data/python" UV_CACHE_DIR="$folder/cache" \
        "$folder/uv-$built/uv" python install --no-config --no-bin 3.13
    local status=$?
    rm -rf "$folder"
    rmdir "$data" 2>/dev/null # if there is no Python in it
    return $status
}

choose
if [ -z "${good:-$second}" ]; then
    case " $* " in
        *" --offline"* | *" --doctor "* | *" --uninstall "* | *" --help "* | *" -h "*) ;;
        *) fetch_python && choose ;;
    esac
fi
python=${good:-$second}
if [ -z "$python" ]; then
    what="Python 3 was not found."
    [ -z "$old" ] || what="Python 3.10 or newer is needed; here is only$old."
    if [ $mac = yes ]; then
        fail "$what" "Install one from https://www.python.org/downloads/macos/ and run ./install.sh again."
    fi
    fail "$what" "Install a newer Python (Debian, Ubuntu, Mint: sudo apt install python3 python3-venv; Fedora: sudo dnf
  install python3; Arch: sudo pacman -S python) and run ./install.sh again."
fi

exec "$python" -E -s -B "$here/installer/__main__.py" "$@"
