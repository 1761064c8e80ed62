#!/bin/bash
# Starts one Kafka node, on its old data when there is any.
#   KAFKA_PROPERTIES  the whole server.properties; else one combined node for clients at KAFKA_ADVERTISED is made up
#   KAFKA_ADVERTISED  host:port that clients are told (default localhost:9092)
#   KAFKA_HEAP        maximum heap (default 384m)
set -eu
config=/tmp/server.properties
if [ -n "${KAFKA_PROPERTIES:-}" ]; then
  printf '%s\n' "$KAFKA_PROPERTIES" > "$config"
else
  cat > "$config" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9093
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://0.0.0.0:9092,INNER://127.0.0.1:9094,CONTROLLER://127.0.0.1:9093
advertised.listeners=PLAINTEXT://${KAFKA_ADVERTISED:-localhost:9092},INNER://127.0.0.1:9094
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=INNER
log.dirs=/var/lib/kafka/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
PROPERTIES
fi
# slf4j-reload4j comes with 3.9 and would compete with slf4j-simple.
classpath=$(find /opt/kafka/libs -name '*.jar' ! -name 'slf4j-reload4j*' | sort | tr '\n' ':')
flags=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn)
java "${flags[@]}" -Xmx128m -cp "$classpath" kafka.tools.StorageTool format --ignore-formatted \
  -t kontraktTestClusterAA -c "$config"
exec java "${flags[@]}" "-Xmx${KAFKA_HEAP:-384m}" -cp "$classpath" kafka.Kafka "$config"
