#!/usr/bin/env bash
# What a storm of other people's ICMP does to the echo engine: rate, CPU per echo, false losses and false answers, on
# loopback in a network namespace of its own.
#
#   benches/storm.sh
#
# Needs root and iproute2. Exit 1 if a limit is missed, 3 if it could not be run.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -h | --help) sed -n '2,7p' "$0"; exit 2 ;; esac
bench=$(cargo build --locked --quiet --release --bench storm --message-format=json |
    sed -n 's/.*"name":"storm".*"executable":"\([^"]*\)".*/\1/p' | tail -1)
echo "machine: $(nproc) cores, $(uname -sr); other load: $(cut -d' ' -f1 /proc/loadavg)"
space=icmps$$
ip netns add "$space" || exit 3
trap 'ip netns del "$space"' EXIT
ip -n "$space" link set lo up
ip netns exec "$space" "$bench"
