#!/usr/bin/env bash
# The program of conformance/dubbo/java with Dubbo for Java, as pinned in its pom.xml, and the interfaces that thriftkit generates for it.
# $JAVA_HOME chooses the JDK (17 or newer), $GO the Go to build thriftkit with (go).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

javac=${JAVA_HOME:+$JAVA_HOME/bin/}javac
go=${GO:-go}

need "$javac" "install a JDK, or set JAVA_HOME to one"
need mvn "install Maven"

version=$("$javac" -version 2>&1)
salt=$version
place=$cache/dubbojava/$(digest scripts/peers/dubbojava.sh conformance/dubbo/java/* x/dubbo/testdata/shop.thrift gen/java.go internal/javamap/javamap.go)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_DUBBOJAVA "$place"
	exit
fi

describe() {
	local jar
	jar=$(basename -s .jar "$place"/lib/dubbo-[0-9]*.jar)
	echo "peers: Dubbo ${jar#dubbo-} for Java with $version"
}

if [ -e "$place/Peer.class" ]; then
	describe
	exit
fi

workdir "$cache/dubbojava"
mkdir "$work/gen" "$work/new"
run "$work/log" "$go" run ./cmd/thriftkit gen java-interface --out "$work/gen" x/dubbo/testdata/shop.thrift ||
	fail "thriftkit could not generate the interfaces"
run "$work/log" mvn -q -B -f conformance/dubbo/java/pom.xml dependency:copy-dependencies "-DoutputDirectory=$work/new/lib" ||
	fail "Maven could not fetch what conformance/dubbo/java/pom.xml names"
find "$work/gen" -name '*.java' >"$work/sources"
run "$work/log" "$javac" -nowarn --release 17 -d "$work/new" -cp "$work/new/lib/*" "@$work/sources" conformance/dubbo/java/*.java ||
	fail "the Java peer does not compile"

publish "$work/new" "$place"
[ -e "$place/Peer.class" ] || fail "$place was set up but does not work: remove it and try again"
describe
