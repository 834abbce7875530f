#!/bin/sh
# Prepares the machine for tests/clients: one virtual environment for pytest and one per libtorrent
# version, all under target/venv. May be run again at any time; does nothing that is done already.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
venvs="$root/target/venv"
python=${PYTHON:-python3}
libtorrent_versions="2.1.1 2.0.11"

missing=""
need() {
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need "$python" python3
need transmission-cli transmission-cli
need aria2c aria2
need rtorrent rtorrent
need qbittorrent-nox qbittorrent-nox
need openssl openssl
need unshare util-linux
if [ -n "$missing" ]; then
    echo "missing programs; on Debian or Ubuntu: apt-get install$missing python3-venv" >&2
    exit 1
fi

# environment NAME REQUIREMENT...: made anew when its list of requirements differs from the last run.
environment() {
    directory="$venvs/$1"
    shift
    wanted="$*"
    if [ -f "$directory/.complete" ] && [ "$(cat "$directory/.complete")" = "$wanted" ]; then
        return 0
    fi
    rm -rf "$directory"
    "$python" -m venv "$directory"
    "$directory/bin/pip" install --quiet --disable-pip-version-check "$@"
    printf '%s' "$wanted" >"$directory/.complete"
}

mkdir -p "$venvs"
# shellcheck disable=SC2046 # one requirement per word
environment tests $(sed -e 's/#.*//' "$root/tests/requirements.txt")
for version in $libtorrent_versions; do
    environment "libtorrent-$version" "libtorrent==$version"
done

echo "ready: $venvs/tests/bin/pytest -n 4 $root/tests/clients"
