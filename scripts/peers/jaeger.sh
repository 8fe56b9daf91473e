#!/usr/bin/env bash
# A Python environment with Jaeger's client, as pinned in conformance/jaeger/requirements.txt. $PYTHON chooses the Python to build
# on (python3).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

requirements=conformance/jaeger/requirements.txt
python=${PYTHON:-python3}

need "$python" "install Python 3.9 or newer, or set PYTHON to one"

salt=$("$python" -c 'import platform; print(platform.python_implementation().lower(), platform.python_version())')
env=$cache/jaeger/${salt// /-}-$(digest "$requirements")

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_JAEGER "$env/bin/python"
	exit
fi

# Prints the versions of what is installed, so it also proves that the environment works.
describe() {
	"$env/bin/python" -c 'import importlib.metadata, platform
import jaeger_client
print("peers: Jaeger'"'"'s client %s on %s %s" % (
    importlib.metadata.version("jaeger-client"), platform.python_implementation(), platform.python_version()))' 2>/dev/null
}

if describe; then
	exit
fi

workdir "$cache/jaeger"
run "$work/log" "$python" -m venv "$work/env" ||
	fail "$python cannot make virtual environments" "on Debian and Ubuntu: apt-get install python3-venv"
run "$work/log" "$work/env/bin/python" -m pip install --disable-pip-version-check --no-input \
	--require-hashes --prefer-binary -r "$requirements" || fail "pip could not install $requirements"

# Another run may have been faster.
if describe; then
	exit
fi
publish "$work/env" "$env"
describe || fail "$env was set up but does not work: remove it and try again"
