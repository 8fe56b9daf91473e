#!/usr/bin/env bash
# Chromium as Debian has it, which opens the page of examples/grpc. It has no pinned version: Debian keeps only the newest.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

salt=$(uname -m)
place=$cache/chromium/$(digest scripts/peers/chromium.sh)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_CHROMIUM "$place/chromium"
	exit
fi

describe() {
	local version
	version=$("$1/chromium" --version 2>/dev/null) && echo "peers: $version"
}

if describe "$place"; then
	exit
fi

workdir "$cache/chromium"
unpack chromium chromium-common libasyncns0 libcolord2 libdouble-conversion3 libepoxy0 libflac12 libgtk-3-0 libharfbuzz-subset0 libminizip1 \
	libmp3lame0 libmpg123-0 libogg0 libopenh264-7 libopenjp2-7 libopus0 libpulse0 libsndfile1 libvorbis0a libvorbisenc2 libwayland-cursor0 \
	libwayland-egl1 libxnvctrl0
mkdir "$work/new"
rm -r "$work/debian/usr/share" # pictures and documentation
mv "$work/debian" "$work/new/debian"
cat >"$work/new/chromium" <<'SCRIPT'
#!/bin/sh
# Runs the program with the libraries beside it, without a sandbox, which containers and root cannot have.
here=$(cd "$(dirname "$0")/debian" && pwd)
for dir in "$here"/usr/lib/*-linux-gnu; do
	export LD_LIBRARY_PATH="$dir:$dir/pulseaudio"
done
exec "$here/usr/lib/chromium/chromium" --no-sandbox --disable-gpu --disable-dev-shm-usage "$@"
SCRIPT
chmod +x "$work/new/chromium"
run "$work/log" "$work/new/chromium" --headless --user-data-dir="$work/profile" --dump-dom 'data:text/html,<p>it runs' ||
	fail "Chromium does not run"
publish "$work/new" "$place"
describe "$place" || fail "$place was set up but does not work: remove it and try again"
