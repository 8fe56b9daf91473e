#!/usr/bin/env bash
# The programs of conformance/java with Apache Thrift's Java library, as pinned in its pom.xml. $JAVA_HOME chooses the JDK
# (17 or newer).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

javac=${JAVA_HOME:+$JAVA_HOME/bin/}javac

need "$javac" "install a JDK, or set JAVA_HOME to one"
need mvn "install Maven"

version=$("$javac" -version 2>&1)
salt=$version
place=$cache/java/$(digest scripts/peers/java.sh conformance/java/* conformance/testdata/{conformance,shared/shared}.thrift)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_JAVA "$place"
	exit
fi

describe() {
	local jar
	jar=$(basename -s .jar "$place"/lib/libthrift-*.jar)
	echo "peers: Apache Thrift ${jar#libthrift-} for Java with $version"
}

if [ -e "$place/Server.class" ]; then
	describe
	exit
fi

compiler=$(scripts/peers/compiler.sh)
workdir "$cache/java"
mkdir "$work/gen" "$work/new"
run "$work/log" "$compiler" -r --gen java:generated_annotations=suppress -out "$work/gen" conformance/testdata/conformance.thrift ||
	fail "the Thrift compiler failed"
run "$work/log" mvn -q -B -f conformance/java/pom.xml dependency:copy-dependencies "-DoutputDirectory=$work/new/lib" ||
	fail "Maven could not fetch what conformance/java/pom.xml names"
find "$work/gen" -name '*.java' >"$work/sources"
run "$work/log" "$javac" -nowarn --release 17 -d "$work/new" -cp "$work/new/lib/*" "@$work/sources" conformance/java/*.java ||
	fail "the Java peer does not compile"

publish "$work/new" "$place"
[ -e "$place/Server.class" ] || fail "$place was set up but does not work: remove it and try again"
describe
