#!/usr/bin/env bash
# CPU per echo of `fengsui probe icmp` against fping, same targets and pace, same run. Prints both and the ratio.
# usage: benches/icmp.sh [TARGETS [ROUNDS [BINARY]]]; targets are on 127/8, one round a second.
set -euo pipefail
targets=${1:-1000} rounds=${2:-10} binary=${3:-target/release/fengsui}
[ -x "$binary" ] || { echo "no $binary: cargo build --release first" >&2; exit 3; }
command -v fping >/dev/null || { echo "no fping: install the package of that name" >&2; exit 3; }
list=$(mktemp); times=$(mktemp)
trap 'rm -f "$list" "$times"' EXIT
seq 0 $((targets - 1)) | awk '{ printf "127.20.%d.%d\n", $1 / 250, $1 % 250 + 1 }' >"$list"

# CPU milliseconds of a command, user and system; its output goes to /dev/null.
cpu() {
    TIMEFORMAT='%U %S'
    { time "$@" >/dev/null 2>&1; } 2>"$times"
    awk '{ printf "%.1f", ($1 + $2) * 1000 }' "$times"
}

echoes=$((targets * rounds))
ours=$(cpu "$binary" probe icmp --targets "$list" --count "$rounds" --interval 1s --timeout 900ms)
# What starting, reading the list and printing costs, apart from the echoes.
start=$(cpu "$binary" probe icmp --targets "$list" --count 1 --interval 1s --timeout 900ms)
theirs=$(cpu fping -q -f "$list" -c "$rounds" -p 1000 -t 900 -i 1)
awk -v n="$echoes" -v t="$targets" -v o="$ours" -v s="$start" -v f="$theirs" 'BEGIN {
    per = (o - s) * 1000 / (n - t); them = f * 1000 / n
    printf "fengsui %.1f us/echo (%.0f ms in all), fping %.1f us/echo (%.0f ms in all), ratio %.2f\n", per, o, them, f, per / them
    printf "one target a second costs %.5f %% of a core; %d of them %.2f %%\n", per / 1e4, t, per / 1e4 * t
}'
