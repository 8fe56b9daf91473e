#!/usr/bin/env bash
# Neovim as Debian has it at the version below, which the language server is tested with.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

neovim=0.7.2

salt="$neovim $(uname -m)"
place=$cache/neovim/$neovim-$(digest scripts/peers/neovim.sh)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_NVIM "$place/nvim"
	exit
fi

if ! "$place/nvim" --version >/dev/null 2>&1; then
	workdir "$cache/neovim"
	unpack "neovim=$neovim-*" "neovim-runtime=$neovim-*" libluajit-5.1-2 libmsgpackc2 libtermkey1 libtree-sitter0 libunibilium4 libuv1 libvterm0 lua-luv
	mkdir "$work/new"
	mv "$work/debian" "$work/new/debian"
	cat >"$work/new/nvim" <<'SCRIPT'
#!/usr/bin/env bash
here=$(dirname "${BASH_SOURCE[0]}")/debian/usr
libs=$(echo "$here"/lib/*-linux-gnu)
export LD_LIBRARY_PATH=$libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} VIMRUNTIME=$here/share/nvim/runtime
exec "$here/bin/nvim" "$@"
SCRIPT
	chmod +x "$work/new/nvim"
	run "$work/log" "$work/new/nvim" --version
	publish "$work/new" "$place"
fi
echo "peers: $("$place/nvim" --version | head -1), for the language server"
