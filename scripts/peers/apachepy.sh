#!/usr/bin/env bash
# A Python environment with Apache Thrift's library, as pinned in conformance/apachepy/requirements.txt, and the code
# that Apache's compiler generates for conformance.thrift. $PYTHON chooses the Python to build on (python3).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

requirements=conformance/apachepy/requirements.txt
idl=conformance/testdata
python=${PYTHON:-python3}

need "$python" "install Python 3.9 or newer, or set PYTHON to one"

salt=$("$python" -c 'import platform; print(platform.python_implementation().lower(), platform.python_version())')
env=$cache/apachepy/${salt// /-}-$(digest "$requirements" scripts/peers/compiler.sh "$idl"/conformance.thrift "$idl"/shared/*.thrift)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_APACHEPY "$env/bin/python"
	exit
fi

# Prints the versions of what is installed, so it also proves that the environment works.
describe() {
	"$env/bin/python" -c 'import importlib.metadata, platform
import conformance.Conformance
try:
    import thrift.protocol.fastbinary
    how = "accelerated"
except ImportError:
    how = "pure"
print("peers: Apache Thrift %s (%s) on %s %s" % (
    importlib.metadata.version("thrift"), how, platform.python_implementation(), platform.python_version()))' 2>/dev/null
}

if describe; then
	exit
fi

compiler=$(scripts/peers/compiler.sh)
workdir "$cache/apachepy"
run "$work/log" "$python" -m venv "$work/env" ||
	fail "$python cannot make virtual environments" "on Debian and Ubuntu: apt-get install python3-venv"
run "$work/log" "$work/env/bin/python" -m pip install --disable-pip-version-check --no-input \
	--require-hashes --prefer-binary -r "$requirements" || fail "pip could not install $requirements"
packages=$("$work/env/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
run "$work/log" "$compiler" -r --gen py -out "$packages" "$idl/conformance.thrift" ||
	fail "$compiler could not generate Python code"

# Another run may have been faster.
if describe; then
	exit
fi
publish "$work/env" "$env"
describe || fail "$env was set up but does not work: remove it and try again"
