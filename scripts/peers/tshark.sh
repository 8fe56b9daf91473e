#!/usr/bin/env bash
# Wireshark's program for terminals, as Debian has it at the version below: it reads captures with the plugins that
# thriftkit generates.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tshark=4.0.17
salt="$tshark $(uname -m)"
place=$cache/tshark/$tshark-$(digest scripts/peers/tshark.sh)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_TSHARK "$place/tshark"
	exit
fi

describe() {
	echo "peers: tshark $tshark"
}

if [ -x "$place/tshark" ]; then
	describe
	exit
fi

workdir "$cache/tshark"
unpack "tshark=$tshark-*" "libwireshark16=$tshark-*" "libwiretap13=$tshark-*" "libwsutil14=$tshark-*" "libwireshark-data=$tshark-*" \
	libbcg729-0 libc-ares2 liblua5.2-0 libmaxminddb0 libnl-3-200 libnl-genl-3-200 libpcap0.8 libsbc1 libsmi2ldbl libsnappy1v5 \
	libspandsp2 libspeexdsp1 libssh-gcrypt-4
mkdir "$work/new"
mv "$work/debian" "$work/new/debian"
# A link to where an installed program has it; without it there is no Lua.
cp --remove-destination "$work/new/debian/etc/wireshark/init.lua" "$work/new/debian/usr/share/wireshark/init.lua"
cat >"$work/new/tshark" <<'SCRIPT'
#!/bin/sh
# Runs the program with the libraries and the data beside it.
here=$(cd "$(dirname "$0")/debian" && pwd)
libraries=$(echo "$here"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH="$libraries" WIRESHARK_DATA_DIR="$here/usr/share/wireshark"
# For root it looks for its data in /usr alone: then it runs as another user, in a namespace where that one has root's files.
if [ "$(id -u)" = 0 ]; then
	exec unshare --user --map-user=1000 --map-group=1000 "$here/usr/bin/tshark" "$@"
fi
exec "$here/usr/bin/tshark" "$@"
SCRIPT
chmod +x "$work/new/tshark"
# A file without packets, and a script that says that it runs.
printf '\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x01\x00\x00\x00' >"$work/empty.pcap"
echo 'print("Lua runs")' >"$work/test.lua"
"$work/new/tshark" -X "lua_script:$work/test.lua" -r "$work/empty.pcap" >"$work/log" 2>&1 && grep -q 'Lua runs' "$work/log" || {
	sed 's/^/    /' "$work/log" >&2
	fail "tshark does not run, or has no Lua"
}
publish "$work/new" "$place"
describe
