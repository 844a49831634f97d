#!/usr/bin/env bash
# Builds the Dockerfile of the commit that is checked out, from a clean clone, runs the image and checks what
# docs/docker.md promises of it. Needs no container engine's daemon, and no registry: a base image that cannot be
# pulled is made from Debian's and npm's packages.
#
#   apt-get install --no-install-recommends debootstrap buildah podman runc iproute2 git
#   sudo test/container/verify.sh
#
# As root, with Node 20 or later and npm on the PATH; about five minutes and 4 GB under $TMPDIR, all of it removed
# afterwards. Ends with 0 only if everything held.
set -euo pipefail

BASE=docker.io/library/node:24-trixie-slim
SUITE=trixie
MIRROR=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

repository=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/demitter-container.XXXXXX")
net=dmt$$
checks=0

storage=(--storage-driver vfs --root "$work/storage" --runroot "$work/run")
buildah() { command buildah "${storage[@]}" "$@"; }
# Podman says at every start that it has no systemd to run health checks by; here they are run by hand.
podman() { command podman "${storage[@]}" --runtime runc "$@" 2> >(grep -v 'systemd' >&2); }

cleanup() {
  local code=$?
  trap - EXIT
  podman rm --all --force --time 0 >/dev/null 2>&1 || true
  ip netns del "$net" 2>/dev/null || true
  rm -rf --one-file-system "$work"
  if ((code == 0)); then echo "verified: $checks checks held"; else echo "FAILED after $checks checks" >&2; fi
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

step() { printf '\n== %s\n' "$*"; }
ok() { checks=$((checks + 1)); printf 'ok    %s\n' "$*"; }
fail() { printf 'FAIL  %s\n' "$*" >&2; exit 1; }
same() { [[ "$2" == "$3" ]] || fail "$1: expected $3, got $2"; ok "$1: $2"; }
milliseconds() { date +%s%3N; }

# The deadline is for a machine under load; what is waited for takes a second as a rule.
wait_for() {
  local what=$1 deadline=$((SECONDS + 30))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "$what: not within 30 s"
    sleep 0.1
  done
  ok "$what"
}

step 'Prerequisites'
((EUID == 0)) || fail 'root is needed: debootstrap makes a system, podman makes namespaces'
for tool in debootstrap buildah podman runc ip git node npm npx tar; do
  command -v "$tool" >/dev/null || fail "$tool is missing"
done
case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) fail "no zeromq binary for $(uname -m)" ;;
esac
git clone --quiet "$repository" "$work/source"
cd "$work/source"
printf 'commit %s\n' "$(git log -1 --format='%h %s')"

step 'Lint'
npx -y dockerfile-utils@0.16.3 lint Dockerfile
ok 'dockerfile-utils finds nothing'
# Of its findings two are its own mistakes: it knows neither names of stages nor --start-period.
npx -y dockerfilelint@1.8.0 --output json Dockerfile >"$work/lint.json" || true
node --input-type=module - "$work/lint.json" <<'JS'
import { readFileSync } from 'node:fs';
const { files } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const stages = readFileSync('Dockerfile', 'utf8').match(/(?<=^FROM .* AS )\w+$/gm);
const left = files[0].issues.filter(({ title, content }) => {
  if (title === 'Base Image Missing Tag') return !stages.includes(content.split(' ')[1]);
  return !(title === 'Invalid Argument Format' && content.includes('--start-period='));
});
for (const { line, title, content } of left) console.error(`line ${line}: ${title}: ${content}`);
process.exitCode = left.length === 0 ? 0 : 1;
JS
ok 'dockerfilelint finds nothing but its two known mistakes'
npx -y yaml@2.9.1 --json --single <compose.yaml >"$work/compose.json"
if docker compose version >/dev/null 2>&1; then
  docker compose --file compose.yaml config --quiet
  ok 'docker compose accepts compose.yaml'
elif command -v docker-compose >/dev/null; then
  docker-compose --file compose.yaml config --quiet
  ok 'docker-compose accepts compose.yaml'
else
  ok 'compose.yaml is YAML (no docker compose here to ask for more)'
fi

step "Base image $BASE"
if timeout 60 podman pull --quiet "$BASE" >/dev/null 2>&1; then
  ok 'pulled: this is the real one'
else
  echo 'cannot be pulled: making a stand-in of Debian and the same Node'
  debootstrap --variant=minbase --include=ca-certificates,libatomic1 "$SUITE" "$work/rootfs" "$MIRROR" \
    >"$work/debootstrap.log" || fail "debootstrap: $(tail -1 "$work/debootstrap.log")"
  (cd "$work" && npm pack --silent "node-linux-$arch@24" npm@11 >/dev/null)
  mkdir "$work/node"
  # Node and npm lie where the real image has them.
  tar -xzf "$(ls -t "$work"/node-linux-*.tgz | head -1)" -C "$work/node" --strip-components=1
  install "$work/node/bin/node" "$work/rootfs/usr/local/bin/node"
  mkdir -p "$work/rootfs/usr/local/lib/node_modules/npm" "$work/rootfs/usr/local/etc"
  tar -xzf "$(ls -t "$work"/npm-*.tgz | head -1)" -C "$work/rootfs/usr/local/lib/node_modules/npm" \
    --strip-components=1
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/rootfs/usr/local/bin/npm"
  printf '#!/bin/sh\nexec "$@"\n' >"$work/rootfs/usr/local/bin/docker-entrypoint.sh"
  chmod 755 "$work/rootfs/usr/local/bin/"*
  chroot "$work/rootfs" groupadd --gid 1000 node
  chroot "$work/rootfs" useradd --uid 1000 --gid node --create-home node
  # For networks whose certificates are not the world's.
  cp /etc/ssl/certs/ca-certificates.crt "$work/rootfs/etc/ssl/certs/ca-certificates.crt"
  echo cafile=/etc/ssl/certs/ca-certificates.crt >"$work/rootfs/usr/local/etc/npmrc"
  rm -rf "$work"/rootfs/var/cache/apt/archives/*.deb "$work"/rootfs/var/lib/apt/lists/*
  container=$(buildah from scratch)
  buildah copy --quiet "$container" "$work/rootfs" / >/dev/null
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    --entrypoint '["docker-entrypoint.sh"]' --cmd node "$container"
  buildah commit --quiet --format docker --rm "$container" "$BASE" >/dev/null
  rm -rf "$work/rootfs" "$work/node"
  ok 'made a stand-in'
fi

step 'Build'
# Docker's format: OCI's has no HEALTHCHECK. Without --layers, since vfs copies everything for each of them.
build() {
  local target=$1
  buildah bud --isolation chroot --network host --pull-never --format docker --target "$target" \
    --tag "$target-under-test" . >"$work/$target.log" 2>&1 || {
    tail -100 "$work/$target.log" >&2
    fail "the build of $target"
  }
  ok "built the target $target"
}
build forwarder
build examples
image=localhost/forwarder-under-test
examples=localhost/examples-under-test
same 'the last stage, which `docker build .` makes' "$(grep -oP '^FROM .* AS \K\w+$' Dockerfile | tail -1)" forwarder

step 'What the image says'
config() { podman inspect --type image --format "$1" "$image"; }
same 'user' "$(config '{{.Config.User}}')" node
same 'command' "$(config '{{json .Config.Cmd}}')" '["demitter-forwarder"]'
same 'entrypoint' "$(config '{{json .Config.Entrypoint}}')" null
same 'ports' "$(config '{{json .Config.ExposedPorts}}')" '{"5555/tcp":{},"5556/tcp":{}}'
same 'health check' "$(config '{{json .HealthCheck.Test}}')" '["CMD","demitter-forwarder","health"]'
same 'protection' "$(config '{{json .Config.Env}}' | grep -o 'DEMITTER_UNPROTECTED=[^"]*')" DEMITTER_UNPROTECTED=1
same 'version' "$(config '{{index .Config.Labels "org.opencontainers.image.version"}}')" \
  "$(node -p "require('./package.json').version")"

step 'What the image contains'
# Limits that every sandbox can grant.
run=(run --ulimit nofile=1024:1024 --ulimit nproc=1000:1000)
inside() { podman "${run[@]}" --rm --network none --no-healthcheck "$image" "$@"; }
mapfile -t addons < <(inside find /app -name '*.node' -path '*zeromq*')
same 'zeromq binaries' "${#addons[@]}" 1
echo "      ${addons[0]}"
tools='typescript vitest tsx knip @biomejs'
same 'packages of development' "$(inside sh -c "cd /app/node_modules && ls -d $tools 2>/dev/null | wc -l")" 0
same 'compilers' "$(inside sh -c 'for tool in gcc g++ cc make cmake python3; do command -v $tool; done | wc -l')" 0
same 'files in /app that its user may write' "$(inside find /app -writable ! -type l | wc -l)" 0
mkdir "$work/app"
inside tar -C /app -cf - . | tar -C "$work/app" -xf -
base_size=$(podman inspect --type image --format '{{.Size}}' "$BASE")
image_size=$(podman inspect --type image --format '{{.Size}}' "$image")
added=$(((image_size - base_size) / 1024))
echo "      base $((base_size / 1024 / 1024)) MiB, added by the Dockerfile $added KiB"
((added < 25 * 1024)) || fail "the Dockerfile adds $added KiB, more than 25 MiB"
ok 'adds less than 25 MiB to its base'

step 'Run'
if ip netns add "$net" 2>/dev/null && ip link add "$net" type veth peer name eth0 netns "$net" 2>/dev/null; then
  ip addr add 10.213.55.1/30 dev "$net"
  ip link set "$net" up
  ip -n "$net" addr add 10.213.55.2/30 dev eth0
  ip -n "$net" link set eth0 up
  ip -n "$net" link set lo up
  network="ns:/run/netns/$net"
  host=10.213.55.2
else
  network=host
  host=127.0.0.1
fi
echo "      network $network"
# As restricted as compose.yaml has it.
podman "${run[@]}" --detach --name forwarder --network "$network" \
  --read-only --cap-drop ALL --security-opt no-new-privileges "$image" >/dev/null
wait_for 'becomes healthy' podman healthcheck run forwarder
same 'status' "$(podman inspect --format '{{.State.Health.Status}}' forwarder)" healthy
podman inspect --format '{{json .State.Health.Log}}' forwarder |
  node -e 'process.stdin.on("data", (log) => console.log("      " + JSON.parse(log).at(-1).Output.trim()))'
pid=$(podman inspect --format '{{.State.Pid}}' forwarder)
same 'uid of process 1' "$(stat -c %u "/proc/$pid")" 1000
same 'process 1' "$(tr '\0' ' ' <"/proc/$pid/cmdline")" 'node /usr/local/bin/demitter-forwarder '
same 'processes in the container' "$(podman top forwarder pid | tail -n +2 | wc -l)" 1

step 'Two processes outside the container exchange events through it'
# Inside the package as it was taken out of the image, so that it imports that one.
cat >"$work/app/peer.mjs" <<'JS'
import { isDeepStrictEqual } from 'node:util';
import { createDistributedEmitter } from 'demitter';

const COUNT = 10_000;
const TIMEOUT_MS = 20_000;
const eventOf = (n) => ({ n, at: new Date(n), tags: new Set(['a', n]), bytes: Buffer.from([n & 255]) });

const role = process.argv[2];
const timer = setTimeout(() => {
  console.error(`${role}: not done after ${TIMEOUT_MS} ms`);
  process.exit(1);
}, TIMEOUT_MS);

const emitter = await createDistributedEmitter();
emitter.on('distributed:error', (error) => console.error(`${role}: ${error.code} ${error.message}`));

if (role === 'subscriber') {
  const events = emitter.events('measured');
  await emitter.ready();
  console.log('ready');
  let n = 0;
  for await (const event of events) {
    if (!isDeepStrictEqual(event, eventOf(n)))
      throw new Error(`expected event ${n}, got ${JSON.stringify(event)}`);
    n += 1;
    if (n === COUNT) break;
  }
  console.log(`received ${n} events, equal and in order`);
} else {
  await emitter.ready();
  for (let n = 0; n < COUNT; n += 1) await emitter.emit('measured', eventOf(n));
  console.log(`emitted ${COUNT} events`);
}
await emitter.close();
clearTimeout(timer);
JS
export XSUB_ADDRESS=tcp://$host:5555 XPUB_ADDRESS=tcp://$host:5556
node "$work/app/peer.mjs" subscriber >"$work/subscriber.log" &
subscriber=$!
wait_for 'subscriber is ready' grep -q ready "$work/subscriber.log"
same 'publisher' "$(node "$work/app/peer.mjs" publisher)" 'emitted 10000 events'
wait "$subscriber" || fail 'the subscriber'
same 'subscriber' "$(tail -1 "$work/subscriber.log")" 'received 10000 events, equal and in order'
grep -E 'VmRSS|VmHWM' "/proc/$pid/status" | sed 's/^/      /'

step 'The health check tells a forwarder that does not work'
kill -STOP "$pid"
# Three failures in a row count, and none of the start period does.
is_unhealthy() {
  if podman healthcheck run forwarder >/dev/null 2>&1; then fail 'a frozen forwarder was called healthy'; fi
  [[ $(podman inspect --format '{{.State.Health.Status}}' forwarder) == unhealthy ]]
}
wait_for 'a frozen forwarder becomes unhealthy' is_unhealthy
kill -CONT "$pid"
wait_for 'healthy again when it runs again' podman healthcheck run forwarder
code=0
output=$(inside demitter-forwarder health 2>&1) || code=$?
same 'exit code where no forwarder runs' "$code" 1
echo "      $output"

step 'Keys'
# A folder that only root may enter on this machine; in the container, its files are those of the process.
mkdir "$work/keys"
key_tool() { (cd "$work/keys" && node "$work/app/dist/cli.js" keys "$@" 2>/dev/null); }
key_tool --out server.key >/dev/null
key_tool --client somebody >"$work/keys/authorized-keys"
chown -R 1000:1000 "$work/keys"
podman "${run[@]}" --detach --name keyed --network none --read-only --cap-drop ALL \
  --volume "$work/keys:/keys:ro" --env DEMITTER_FORWARDER_KEY_FILE=/keys/server.key \
  --env DEMITTER_AUTHORIZED_KEYS=/keys/authorized-keys "$image" >/dev/null
wait_for 'a forwarder with keys becomes healthy' podman healthcheck run keyed
if podman exec --env DEMITTER_FORWARDER_KEY_FILE= keyed demitter-forwarder health --timeout 500 >/dev/null 2>&1; then
  fail 'a forwarder with keys let in somebody without one'
fi
ok 'without a key, nothing passes through it'
podman rm --force --time 2 keyed >/dev/null

step 'The services of compose.yaml'
# Their commands and environment, with the forwarder that is running under the name it has there.
service() {
  local name=$1 field=$2
  node -p "JSON.parse(fs.readFileSync('$work/compose.json')).services.$name.$field"
}
for name in publisher subscriber; do
  same "$name waits for" "$(service "$name" depends_on.forwarder.condition)" service_healthy
  same "$name is built as" "$(service "$name" build.target)" examples
  mapfile -t command < <(service "$name" 'command.join("\n")')
  podman "${run[@]}" --detach --name "$name" --network "$network" --add-host "forwarder:$host" \
    --env "XSUB_ADDRESS=$(service "$name" environment.XSUB_ADDRESS)" \
    --env "XPUB_ADDRESS=$(service "$name" environment.XPUB_ADDRESS)" "$examples" "${command[@]}" >/dev/null
done
says() { podman logs "$1" 2>&1 | grep -E "$2"; }
wait_for 'subscriber receives what publisher sends' says subscriber '^subscriber  received'
says subscriber received | head -1 | sed 's/^/      /'

step 'SIGTERM'
stops() {
  local name=$1 started
  started=$(milliseconds)
  podman stop --time 10 "$name" >/dev/null
  local took=$(($(milliseconds) - started))
  same "exit code of $name" "$(podman inspect --format '{{.State.ExitCode}}' "$name")" 0
  ((took < 2000)) || fail "$name took $took ms to stop"
  ok "$name stopped in $took ms"
}
stops publisher
stops subscriber
stops forwarder
podman logs forwarder 2>&1 | tail -1 | sed 's/^/      /'
if podman healthcheck run forwarder >/dev/null 2>&1; then fail 'a stopped container was called healthy'; fi
ok 'a stopped container is not healthy'
