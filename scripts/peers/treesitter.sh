#!/usr/bin/env bash
# The parser that tree-sitter generates of editors/tree-sitter-thrift, and a program that parses with it: conformance/treesitter, with the
# libraries that its Cargo.lock has.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=conformance/treesitter
grammar=editors/tree-sitter-thrift

need cargo "install Rust 1.83 or newer"
need node "install Node 18 or newer"
need cc "install a C compiler"

tool=$cache/treesitter/$(digest scripts/peers/treesitter.sh "$program"/Cargo.{toml,lock} "$program/src/main.rs")
place=$tool/$(digest "$grammar/grammar.js")

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_TREESITTER "$place"
	exit
fi

# Parses a file, which proves that it works.
works() {
	[ -x "$tool/treesitter" ] && [ "$(echo conformance/testdata/foo.thrift | "$tool/treesitter" parse "$place/thrift.so" "$grammar/queries/highlights.scm" 2>/dev/null | cut -f 1)" = ok ]
}

if ! works; then
	workdir "$cache/treesitter"
	if ! [ -x "$tool/treesitter" ]; then
		run "$work/log" env CARGO_TARGET_DIR="$work/target" cargo build --locked --manifest-path "$program/Cargo.toml" || fail "cargo could not build $program"
		mkdir "$work/tool"
		mv "$work/target/debug/treesitter" "$work/tool"
		publish "$work/tool" "$tool"
	fi
	mkdir "$work/new"
	run "$work/log" "$tool/treesitter" generate "$grammar/grammar.js" "$work/new" &&
		run "$work/log" cc -O1 -shared -fPIC -I"$work/new/src" -o "$work/new/thrift.so" "$work/new/src/parser.c" || fail "no parser could be made of $grammar/grammar.js"
	publish "$work/new" "$place"
	works || fail "$place was set up but does not work: remove $tool and try again"
fi
echo "peers: tree-sitter $(sed -n 's/^tree-sitter = "=\(.*\)"/\1/p' "$program/Cargo.toml"), for the grammar"
