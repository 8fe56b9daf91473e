#!/usr/bin/env bash
# A Python environment with validators of OpenAPI documents and JSON Schemas, as pinned in conformance/openapi/requirements.txt. $PYTHON
# chooses the Python to build on (python3).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

requirements=conformance/openapi/requirements.txt
python=${PYTHON:-python3}

need "$python" "install Python 3.10 or newer, or set PYTHON to one"

salt=$("$python" -c 'import platform; print(platform.python_implementation().lower(), platform.python_version())')
env=$cache/openapi/${salt// /-}-$(digest "$requirements")

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_OPENAPI_PYTHON "$env/bin/python"
	exit
fi

# Prints the versions of what is installed, so it also proves that the environment works.
describe() {
	"$env/bin/python" -c 'from importlib.metadata import version
import jsonschema, openapi_spec_validator, platform
print("peers: openapi-spec-validator %s, jsonschema %s on %s %s" % (
    version("openapi-spec-validator"), version("jsonschema"), platform.python_implementation(), platform.python_version()))' 2>/dev/null
}

if describe; then
	exit
fi

workdir "$cache/openapi"
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
