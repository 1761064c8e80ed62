#!/bin/bash
# Brings up a container engine and the images that the container tests need, without an image registry: Debian's
# docker.io, a base image by debootstrap, the rest built from it. Nothing is done twice: a running engine is used as it
# is, images are kept as archives in the test cache, so only the first run pays (3 to 4 minutes; later ones seconds).
#
#   .ci/engine.sh          engine up, images there; writes the environment to $KONTRAKT_TEST_CACHE/engine/env
#   .ci/engine.sh stop     stops the engine that this script started
#
# The tests read that environment file themselves. Needs root, Debian or a running engine, and `npm ci`, Java and Maven.
set -euo pipefail

repo=$(cd "$(dirname "$0")/.." && pwd)
cache=${KONTRAKT_TEST_CACHE:-$HOME/.cache/kontrakt-test}/engine
state=${TMPDIR:-/tmp}/kontrakt-engine
kafka_versions=(4.3.1 3.9.2)
export PATH=$repo/node_modules/.bin:$PATH

say() { printf 'engine: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

if [ "${1:-}" = stop ]; then
  rm -f "$cache/env"
  if [ -f "$state/pid" ]; then
    pid=$(cat "$state/pid")
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  fi
  exit 0
fi

mkdir -p "$cache" "$state"
# Two runs that start together would build the same images twice.
exec 9> "$state/lock"
flock 9

# The engine ---------------------------------------------------------------------------------------------------------

engine_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

install_packages() {
  local missing=()
  command -v dockerd >/dev/null || missing+=(docker.io)
  command -v debootstrap >/dev/null || missing+=(debootstrap)
  command -v iptables >/dev/null || missing+=(iptables)
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || die "no container engine runs, and ${missing[*]} cannot be installed without apt-get"
  say "installing ${missing[*]}"
  apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# No NAT rules and no forwarding: published ports go through the userland proxy on loopback, and the machine's firewall
# stays as it was. What a build must download, it downloads on the host's network.
start_engine() {
  [ "$(id -u)" = 0 ] || die 'no container engine answers, and starting one needs root'
  install_packages
  export DOCKER_HOST=unix://$state/docker.sock
  if engine_answers; then return; fi
  say 'starting dockerd'
  rm -f "$state/pid"
  # Not the lock's descriptor: the engine outlives this script and would hold it for ever.
  setsid dockerd -H "$DOCKER_HOST" --data-root "$state/root" --exec-root "$state/exec" -p "$state/pid" \
    --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --ip 127.0.0.1 \
    > "$state/log" 2>&1 < /dev/null 9>&- &
  for _ in $(seq 150); do
    if engine_answers; then return; fi
    sleep 0.2
  done
  tail -n 20 "$state/log" >&2
  die "dockerd did not come up within 30 s; its log is $state/log"
}

# The client needs no engine; the one from Debian comes with dockerd.
if command -v docker >/dev/null && engine_answers; then
  say "using the engine that runs ($(docker version --format '{{.Server.Version}}'))"
else
  start_engine
fi

# The images ---------------------------------------------------------------------------------------------------------

# The legacy builder: the only one that every docker client can drive without a plug-in.
export DOCKER_BUILDKIT=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
certificates=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}

have() { docker image inspect "$1" >/dev/null 2>&1; }
build() {
  docker build --network=host -t "$1" -f "$repo/.ci/images/$2" "$3" > "$work/build.log" 2>&1 ||
    { tail -n 20 "$work/build.log" >&2; die "building $1 failed"; }
}

debian_image() {
  have debian:bookworm-slim && return
  local archive=$cache/debian-bookworm.tar.gz
  if [ ! -f "$archive" ]; then
    install_packages
    say 'making debian:bookworm-slim (about 90 s)'
    debootstrap --variant=minbase --include=ca-certificates bookworm "$work/rootfs" > "$work/debootstrap.log" 2>&1 ||
      { tail -n 5 "$work/debootstrap.log" >&2; die 'debootstrap failed'; }
    rm -rf "$work"/rootfs/var/cache/apt/archives/*.deb "$work"/rootfs/var/lib/apt/lists/*
    tar -C "$work/rootfs" -c . | gzip -1 > "$archive.partial"
    mv "$archive.partial" "$archive"
    rm -rf "$work/rootfs"
  fi
  gzip -dc "$archive" | docker import -c 'CMD ["/bin/bash"]' - debian:bookworm-slim >/dev/null
}

node_image() {
  have node:24-slim && return
  local node npm
  node=$repo/node_modules/node/bin/node
  [ -x "$node" ] || die 'node:24-slim is made from the Node in node_modules: run npm ci first'
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  say 'making node:24-slim'
  mkdir -p "$work/node"
  cp "$node" "$work/node/node"
  cp -r "$npm" "$work/node/npm"
  cp "$certificates" "$work/node/ca.crt"
  build node:24-slim node.Dockerfile "$work/node"
}

kafka_image() {
  local version=$1 jars
  say "making kontrakt-test/kafka:$version"
  if ! have kontrakt-test/java:17; then
    mkdir -p "$work/java"
    cp "$certificates" "$work/java/ca.crt"
    build kontrakt-test/java:17 java.Dockerfile "$work/java"
  fi
  jars=$(node "$repo/test/support/cluster/jars.ts" "$version")
  mkdir -p "$work/kafka-$version/libs"
  cp "$jars"/*.jar "$work/kafka-$version/libs/"
  cp "$repo/.ci/images/start-kafka.sh" "$work/kafka-$version/"
  build "kontrakt-test/kafka:$version" kafka.Dockerfile "$work/kafka-$version"
}

images=(node:24-slim)
for version in "${kafka_versions[@]}"; do images+=("kontrakt-test/kafka:$version"); done

all_there() { local image; for image in "${images[@]}"; do have "$image" || return 1; done; }

# Another recipe, other certificates or another Node are another archive, and other images than those that are there.
key=$(cat "$repo"/.ci/images/* "$certificates" "$repo/test/support/cluster/jars.ts" \
  <(grep '"node":' "$repo/package.json") | sha256sum | cut -c1-12)
archive=$cache/images-$key.tar.gz
if [ "$(cat "$state/key" 2>/dev/null)" != "$key" ] || ! all_there; then
  if [ -f "$archive" ]; then
    say 'loading the images from the test cache'
    gzip -dc "$archive" | docker load -q >/dev/null
  else
    # Ours are made anew under their names; a node:24-slim that somebody pulled is left alone.
    for version in "${kafka_versions[@]}"; do docker image rm "kontrakt-test/kafka:$version" >/dev/null 2>&1 || true; done
    docker image rm kontrakt-test/java:17 >/dev/null 2>&1 || true
    debian_image
    node_image
    for version in "${kafka_versions[@]}"; do kafka_image "$version"; done
    say 'saving the images to the test cache'
    rm -f "$cache"/images-*.tar.gz
    docker save debian:bookworm-slim "${images[@]}" | gzip -1 > "$archive.partial"
    mv "$archive.partial" "$archive"
  fi
  printf '%s' "$key" > "$state/key"
fi

# Testcontainers sees /.dockerenv on some machines and would then dial the bridge's gateway; its reaper's image cannot
# be had without a registry, so what a run leaves behind is removed by label.
{
  printf 'DOCKER_HOST=%s\n' "${DOCKER_HOST:-unix:///var/run/docker.sock}"
  printf 'TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1\nTESTCONTAINERS_RYUK_DISABLED=true\n'
} > "$cache/env"
say "ready: $(docker version --format '{{.Server.Version}}') with ${images[*]}"
