# The Java runtime under every Kafka version, so that a second version costs one layer of jars.
FROM debian:bookworm-slim
COPY ca.crt /usr/local/share/ca-certificates/machine.crt
RUN update-ca-certificates >/dev/null 2>&1; apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
