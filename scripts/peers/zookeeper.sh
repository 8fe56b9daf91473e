#!/usr/bin/env bash
# ZooKeeper as Debian has it at the version below, which x/zookeeper is tested with. It needs a Java.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

zookeeper=3.8.0

need java "install a Java runtime, version 11 or later"

salt="$zookeeper $(uname -m)"
place=$cache/zookeeper/$zookeeper-$(digest scripts/peers/zookeeper.sh)

if [ "${1-}" = --env ]; then
	tell THRIFTKIT_ZOOKEEPER "$place"
	exit
fi

if [ ! -e "$place/zookeeper.jar" ]; then
	workdir "$cache/zookeeper"
	unpack "libzookeeper-java=$zookeeper-*" libslf4j-java libnetty-java libcommons-cli-java libcommons-io-java libdropwizard-metrics-java \
		libjackson2-annotations-java libjackson2-core-java libjackson2-databind-java libsnappy-java
	mkdir "$work/new"
	for jar in zookeeper zookeeper-jute slf4j-api slf4j-nop netty-all netty-buffer netty-codec netty-common netty-handler netty-resolver \
		netty-transport netty-transport-native-unix-common netty-transport-native-epoll commons-cli commons-io metrics-core metrics-jvm \
		jackson-annotations jackson-core jackson-databind snappy-java; do
		if [ -e "$work/debian/usr/share/java/$jar.jar" ]; then
			cp -L "$work/debian/usr/share/java/$jar.jar" "$work/new/"
		fi
	done
	run "$work/log" java -cp "$work/new/*" org.apache.zookeeper.version.VersionInfoMain
	publish "$work/new" "$place"
fi
echo "peers: ZooKeeper $zookeeper"
