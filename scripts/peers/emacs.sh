#!/usr/bin/env bash
# Emacs and Eglot, its client for language servers, as Debian has them at the versions below; the language server is tested with them.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

emacs=28.2
eglot=1.9

salt="$emacs $eglot $(uname -m)"
place=$cache/emacs/$emacs-$(digest scripts/peers/emacs.sh)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_EMACS "$place/emacs"
	exit
fi

# Prints the versions of both, so it also proves that they work.
describe() {
	"$place/emacs" -Q --batch --eval '(progn (require (quote eglot)) (princ (format "peers: Emacs %s with Eglot, for the language server\n" emacs-version)))' 2>/dev/null
}

if ! describe; then
	workdir "$cache/emacs"
	# The sources, emacs-el, are needed too: without them this Emacs warns of each compiled file, by way of another compiled file.
	unpack "emacs-nox=1:$emacs+*" "emacs-common=1:$emacs+*" "emacs-bin-common=1:$emacs+*" "emacs-el=1:$emacs+*" "elpa-eglot=$eglot-*" \
		libasound2 libdbus-1-3 libgccjit0 libgpm2 libicu72 libisl23 libjansson4 liblcms2-2 libmpc3 libmpfr6 libxml2
	mkdir "$work/new"
	mv "$work/debian" "$work/new/debian"
	cat >"$work/new/emacs" <<SCRIPT
#!/usr/bin/env bash
here=\$(dirname "\${BASH_SOURCE[0]}")/debian/usr
libs=\$(echo "\$here"/lib/*-linux-gnu)
libexec=\$(echo "\$here"/libexec/emacs/$emacs/*-linux-gnu)
share=\$here/share/emacs
lisp=\$(find "\$share/$emacs/lisp" -type d -printf '%p:')
export LD_LIBRARY_PATH=\$libs\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH} EMACSPATH=\$libexec
export EMACSDATA=\$share/$emacs/etc EMACSDOC=\$share/$emacs/etc EMACSLOADPATH=\$share/site-lisp/elpa-src/eglot-$eglot:\${lisp%:}
exec "\$here/bin/emacs-nox" --dump-file="\$libexec/emacs.pdmp" "\$@"
SCRIPT
	chmod +x "$work/new/emacs"
	publish "$work/new" "$place"
	describe || fail "$place was set up but does not work: remove it and try again"
fi
