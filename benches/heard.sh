#!/usr/bin/env bash
# What traps and lines of syslog cost an agent that keeps them: 20,000 a second for ten seconds of each, from 500
# addresses; CPU for each, and how many of them its spool lacks afterwards. Traffic stays on 127.21.0.0/16.
#
#   benches/heard.sh
#
# Exit 1 if a limit is missed, 3 if it could not be run.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -h | --help) sed -n '2,7p' "$0"; exit 2 ;; esac
bench=$(cargo build --locked --quiet --release --bench heard --message-format=json |
    sed -n 's/.*"name":"heard".*"executable":"\([^"]*\)".*/\1/p' | tail -1)
[ -n "$bench" ] || exit 3
echo "machine: $(nproc) cores, $(uname -sr); other load: $(cut -d' ' -f1 /proc/loadavg); receive buffers up to $(cat /proc/sys/net/core/rmem_max)"
"$bench"
