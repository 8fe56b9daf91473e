# What the scripts of the peers share; they source it. The working directory becomes the repository's.
#
# Such a script is called without arguments to set the peer up, and prints one line that tells its version;
# with --env it prints the variables by which tests find the peer, set up or not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cache=${THRIFTKIT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/thriftkit}

# fail LINE... ends the script.
fail() {
	printf 'peers: %s\n' "$@" >&2
	exit 1
}

# need COMMAND HINT fails if there is no such command.
need() {
	command -v "$1" >/dev/null || fail "no $1 on this machine: $2"
}

# tell NAME VALUE prints a variable for a shell's eval, unless it is set already.
tell() {
	printf 'export %s=%q\n' "$1" "${!1:-$2}"
}

# digest FILE... prints a hash of the files' names and contents, and of what stands in $salt.
digest() {
	{ printf '%s\n' "${salt-}" && sha256sum -- "$@"; } | sha256sum | cut -c 1-12
}

# workdir DIR makes a temporary folder beside the final places, $work, which goes when the script ends.
workdir() {
	mkdir -p "$1"
	work=$(mktemp -d "$1/.new-XXXXXX")
	trap 'rm -rf "$work"' EXIT
}

# run LOG COMMAND... runs a command; its output is shown if it fails.
run() {
	local log=$1
	shift
	"$@" >"$log" 2>&1 && return
	sed 's/^/    /' "$log" >&2
	return 1
}

# publish BUILT PLACE renames a folder that was built in $work to its place. Two runs at the same time may both
# build: the rename decides which one stays, and nobody ever sees a half-built one. What is in the place already
# does not work, or another run was faster, which is as good.
publish() {
	mv -T "$2" "$work/old" 2>/dev/null || true
	mv -T "$1" "$2" 2>/dev/null || [ -d "$2" ]
}

# unpack PACKAGE=VERSION... unpacks Debian's packages, without privileges, into $work/debian. What the machine knows
# of packages may be nothing, or too old: then lists of our own are fetched.
unpack() {
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "no apt-get and dpkg-deb here to fetch $* with"
	mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/debs"
	local own=(-o "Dir::State=$work/apt" -o Dir::State::status=/var/lib/dpkg/status -o "Dir::Cache=$work/apt/cache"
		-o APT::Sandbox::User=)
	if ! (cd "$work/debs" && apt-get -o APT::Sandbox::User= download "$@") >"$work/log" 2>&1 &&
		! (cd "$work/debs" && apt-get "${own[@]}" update && apt-get "${own[@]}" download "$@") >"$work/log" 2>&1; then
		sed 's/^/    /' "$work/log" >&2
		fail "apt-get could not fetch $*"
	fi
	local deb
	for deb in "$work"/debs/*.deb; do
		dpkg-deb -x "$deb" "$work/debian"
	done
}
