#!/usr/bin/env bash
# The programs of conformance/cpp with Apache Thrift's C++ library, as Debian has it at the versions below. $CXX chooses
# the compiler (g++).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

thrift=0.17.0
boost=1.74
cxx=${CXX:-g++}

need "$cxx" "install a C++ compiler, or set CXX to one"

salt="$thrift $boost $(uname -m) $("$cxx" -dumpfullversion)"
place=$cache/cpp/$thrift-$(digest scripts/peers/cpp.sh conformance/cpp/* conformance/testdata/{conformance,shared/shared}.thrift)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_CPP "$place"
	exit
fi

describe() {
	echo "peers: Apache Thrift $thrift for C++ with $cxx $("$cxx" -dumpfullversion)"
}

if [ -x "$place/client" ]; then
	describe
	exit
fi

compiler=$(scripts/peers/compiler.sh)
workdir "$cache/cpp"

packages=("libthrift-dev=$thrift-*" "libboost$boost-dev=$boost.*")
for header in openssl/ssl.h:libssl-dev zlib.h:zlib1g-dev; do
	"$cxx" -x c++ -E -include "${header%:*}" /dev/null >/dev/null 2>&1 || packages+=("${header#*:}")
done
unpack "${packages[@]}"

# The compiler's C++ takes recursion only through pointers; on the wire that makes no difference.
mkdir "$work/gen" "$work/obj" "$work/new"
cp -r conformance/testdata "$work/idl"
sed -i -E 's/optional (Chain|Company) /optional \1 \& /' "$work/idl/conformance.thrift"
run "$work/log" "$compiler" -r --gen cpp:no_skeleton -out "$work/gen" "$work/idl/conformance.thrift" ||
	fail "the Thrift compiler failed"

include=("-I$work/gen" "-I$work/debian/usr/include")
for dir in "$work"/debian/usr/include/*-linux-gnu; do
	include+=("-I$dir")
done
libraries=$(echo "$work"/debian/usr/lib/*-linux-gnu)

run "$work/log" make -s -f - -j "$(nproc)" <<MAKE || fail "the C++ peer does not compile"
all: $work/new/client $work/new/server
generated := $(printf "$work/obj/%s.o " $(cd "$work/gen" && basename -s .cpp *.cpp))
$work/new/%: $work/obj/%.o \$(generated)
	$cxx \$^ $libraries/libthriftz.a $libraries/libthrift.a -L$libraries -l:libssl.a -l:libcrypto.a -l:libz.a -lpthread -ldl -o \$@
$work/obj/%.o: $work/gen/%.cpp
	$cxx -std=c++17 -O0 -w ${include[*]} -c \$< -o \$@
$work/obj/%.o: conformance/cpp/%.cpp
	$cxx -std=c++17 -O0 -Wall -Wno-deprecated-declarations ${include[*]} -c \$< -o \$@
MAKE
publish "$work/new" "$place"
[ -x "$place/client" ] || fail "$place was set up but does not work: remove it and try again"
describe
