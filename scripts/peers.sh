#!/usr/bin/env bash
# Sets up the peers that conformance tests talk to: a Python environment with thriftpy2.
#
#   scripts/peers.sh            set up if needed, print one line
#   scripts/peers.sh --python   print where the environment's python is (set up or not)
#
# The environment lives outside of the tree, in $THRIFTKIT_CACHE (default: thriftkit in the
# user's cache directory), under a name made of the Python version and the hash of
# conformance/py/requirements.txt. A changed file or Python therefore gets a new environment,
# and an existing one is never altered. $PYTHON chooses the Python to build on (python3).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

requirements=conformance/py/requirements.txt
python=${PYTHON:-python3}
cache=${THRIFTKIT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/thriftkit}

fail() {
	printf 'peers: %s\n' "$@" >&2
	exit 1
}

command -v "$python" >/dev/null ||
	fail "no $python on this machine: install Python 3.9 or newer, or set PYTHON to one"

name=$("$python" - "$requirements" <<'PY'
import hashlib, platform, sys
with open(sys.argv[1], "rb") as f:
    digest = hashlib.sha256(f.read()).hexdigest()
print("%s-%s-%s" % (platform.python_implementation().lower(), platform.python_version(), digest[:12]))
PY
)
env=$cache/py/$name

if [ "${1-}" = --python ]; then
	printf '%s\n' "$env/bin/python"
	exit
fi

# Prints the versions of what is installed, so it also proves that the environment works.
describe() {
	"$env/bin/python" -c 'import platform
import thriftpy2, thriftpy2.protocol.cybin
print("peers: thriftpy2 %s on %s %s" % (thriftpy2.__version__, platform.python_implementation(), platform.python_version()))' 2>/dev/null
}

if describe; then
	exit
fi

# The environment is built beside its place and renamed into it. Two runs at the same time may
# both build; the rename decides which one stays, and nobody ever sees a half-built one.
mkdir -p "$cache/py"
work=$(mktemp -d "$cache/py/.new-XXXXXX")
trap 'rm -rf "$work"' EXIT

if ! "$python" -m venv "$work/env" >"$work/log" 2>&1; then
	sed 's/^/    /' "$work/log" >&2
	fail "$python cannot make virtual environments" \
		"on Debian and Ubuntu: apt-get install python3-venv"
fi
if ! "$work/env/bin/python" -m pip install --disable-pip-version-check --no-input \
	--require-hashes --prefer-binary -r "$requirements" >"$work/log" 2>&1; then
	sed 's/^/    /' "$work/log" >&2
	fail "pip could not install $requirements"
fi

# Another run may have been faster, which is as good. What is still in the place does not work.
if describe; then
	exit
fi
"$python" - "$work" "$env" <<'PY'
import os, sys
work, env = sys.argv[1:]
try:
    os.rename(env, os.path.join(work, "old"))  # one that does not work
except FileNotFoundError:
    pass
try:
    os.rename(os.path.join(work, "env"), env)
except OSError:
    if not os.path.isdir(env):  # otherwise another run was faster even here
        raise
PY
describe || fail "$env was set up but does not work: remove it and try again"
