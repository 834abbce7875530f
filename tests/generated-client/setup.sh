#!/bin/sh
# Prepares the machine for tests/generated-client: a virtual environment with a generator of Python
# clients under target/venv. May be run again at any time; does nothing that is done already.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
directory="$root/target/venv/generated-client"
python=${PYTHON:-python3}
wanted=$(sed -e 's/#.*//' "$root/tests/generated-client/requirements.txt")

if [ -f "$directory/.complete" ] && [ "$(cat "$directory/.complete")" = "$wanted" ]; then
    echo "ready: $directory/bin/python $root/tests/generated-client/run.py"
    exit 0
fi
rm -rf "$directory"
"$python" -m venv "$directory"
# shellcheck disable=SC2086 # one requirement per word
"$directory/bin/pip" install --quiet --disable-pip-version-check $wanted
printf '%s' "$wanted" >"$directory/.complete"
echo "ready: $directory/bin/python $root/tests/generated-client/run.py"
