#!/usr/bin/env bash
# How true round-trip times are with every core busy: 4,000 echoes a second on loopback against a clock in user space,
# then one address against the known delay of the lab's relay between two network namespaces.
#
#   benches/truth.sh [DELAY_MS]         10 unless given, each way
#
# Needs root, iproute2, ethtool and util-linux (chrt). Exit 1 if a limit is missed, 3 if it could not be run.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -h | --help) sed -n '2,7p' "$0"; exit 2 ;; esac
delay=${1:-10}
built() { # TARGET...: where cargo puts what it builds
    cargo build --locked --quiet --release "$@" --message-format=json |
        sed -n 's/.*"name":"'"${*: -1}"'".*"executable":"\([^"]*\)".*/\1/p' | tail -1
}
bench=$(built --bench truth)
lab=$(built --test lab)
echo "machine: $(nproc) cores, $(uname -sr); other load: $(cut -d' ' -f1 /proc/loadavg)"
failed=0
"$bench" || failed=$?
id=icmpt$$
relay=
trap '[ -z "$relay" ] || kill "$relay" 2>/dev/null; for n in a b x; do ip netns del "$id$n" 2>/dev/null; done; rm -f "$orders"' EXIT
orders=$(mktemp -u)
mkfifo "$orders"
for n in a b x; do
    ip netns add "$id$n" || exit 3
    ip -n "$id$n" link set lo up
done
for n in a b; do
    ip -n "$id$n" link add w type veth peer name "$n" netns "${id}x"
    ip netns exec "$id$n" ethtool -K w tx off tso off gso off gro off >/dev/null 2>&1
    ip netns exec "${id}x" ethtool -K "$n" tx off tso off gso off gro off >/dev/null 2>&1
    ip -n "$id$n" link set dev w up
    ip -n "${id}x" link set dev "$n" up
done
ip -n "${id}a" addr add 198.18.0.1/24 dev w
ip -n "${id}b" addr add 198.18.0.2/24 dev w
# The relay runs whenever it has something to do: what is measured is our stamps, not its turn.
ip netns exec "${id}x" chrt --fifo 50 "$lab" relay line a b <"$orders" &
relay=$!
exec 3>"$orders"
echo "set line both delay=${delay}ms" >&3
ip netns exec "${id}a" "$bench" 198.18.0.2 "$delay" || failed=$?
echo tell >&3
exec 3>&-
wait "$relay" || true
relay=
exit "$failed"
