#!/usr/bin/env bash
# Server time of every page, with a store that grows, while batches of agents come in.
#
#   benches/pages.sh [--incidents "1000 10000 100000"] [--rounds 200]
#
# Exit 1 if a page's p99 is over 50 ms.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in -h | --help) sed -n '2,6p' "$0"; exit 2 ;; esac
echo "machine: $(nproc) cores, $(uname -sr); other load: $(cut -d' ' -f1 /proc/loadavg)"
exec cargo bench --locked --quiet --bench pages -- "$@"
