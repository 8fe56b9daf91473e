#!/usr/bin/env bash
# The programs of conformance/motan/java with Motan for Java, as pinned in its pom.xml. $JAVA_HOME chooses the JDK
# (17 or newer).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

source=conformance/motan/java
javac=${JAVA_HOME:+$JAVA_HOME/bin/}javac

need "$javac" "install a JDK, or set JAVA_HOME to one"
need mvn "install Maven"

version=$("$javac" -version 2>&1)
salt=$version
place=$cache/motanjava/$(digest scripts/peers/motanjava.sh "$source"/pom.xml "$source"/com/example/*)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_MOTANJAVA "$place"
	exit
fi

describe() {
	local jar
	jar=$(basename -s .jar "$place"/lib/motan-core-*.jar)
	echo "peers: Motan ${jar#motan-core-} for Java with $version"
}

if [ -e "$place/com/example/Server.class" ]; then
	describe
	exit
fi

workdir "$cache/motanjava"
mkdir "$work/new"
run "$work/log" mvn -q -B -f "$source/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$work/new/lib" ||
	fail "Maven could not fetch what $source/pom.xml names"
run "$work/log" "$javac" -nowarn -encoding UTF-8 --release 17 -d "$work/new" -cp "$work/new/lib/*" "$source"/com/example/*.java ||
	fail "the peer does not compile"

publish "$work/new" "$place"
[ -e "$place/com/example/Server.class" ] || fail "$place was set up but does not work: remove it and try again"
describe
