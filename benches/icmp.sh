#!/usr/bin/env bash
# CPU per echo of `fengsui probe icmp`, statistics included, against fping: same targets, payload (56 bytes) and period
# (one round a second), in turns within one run. Then alone with more targets a second, and for as long as asked, to see
# that the cost per echo and the memory do not grow.
# usage: benches/icmp.sh [--targets N] [--more N] [--rounds N] [--turns N] [--minutes N] [--binary FILE]
# Targets are on 127/8, in a network namespace of its own where that is allowed: fping's socket gets a copy of every
# reply of whatever else pings. Exit 1 if a limit is missed.
set -euo pipefail
if [ -z "${APART:-}" ] && unshare --net true 2>/dev/null; then
    APART=1 exec unshare --net "$0" "$@"
fi
[ -z "${APART:-}" ] || ip link set dev lo up
cd "$(dirname "$0")/.."
targets=4000 more=10000 rounds=10 turns=3 minutes=1 binary=target/release/fengsui
most_ratio=0.80      # of fping's CPU per echo
most_growth=1.15     # cost per echo with `more` targets a second, as a share of that with `targets`
most_kib=2048        # resident memory between the first and the last minute
while [ $# -gt 0 ]; do
    case $1 in
        --targets) targets=$2 ;; --more) more=$2 ;; --rounds) rounds=$2 ;; --turns) turns=$2 ;;
        --minutes) minutes=$2 ;; --binary) binary=$2 ;;
        *) sed -n 's/^# usage: //p' "$0" >&2; exit 2 ;;
    esac
    shift 2
done
[ -x "$binary" ] || { echo "no $binary: cargo build --release first" >&2; exit 3; }
command -v fping >/dev/null || { echo "no fping: install the package of that name" >&2; exit 3; }
dir=$(mktemp -d)
child=
trap '[ -z "$child" ] || kill "$child" 2>/dev/null; rm -rf "$dir"' EXIT
for n in "$targets" "$more"; do
    seq 0 $((n - 1)) | awk '{ printf "127.20.%d.%d\n", $1 / 250, $1 % 250 + 1 }' >"$dir/$n"
done

# CPU microseconds of a command, user and system; its output goes to $dir/out.
cpu() {
    TIMEFORMAT='%U %S'
    { time "$@" >"$dir/out" 2>"$dir/err"; } 2>"$dir/times" || true
    awk '{ printf "%.0f", ($1 + $2) * 1e6 }' "$dir/times"
}
ours() { cpu "$binary" probe icmp --targets "$dir/$1" --count "$2" --interval 1s --timeout 900ms; }
theirs() { cpu fping -q -f "$dir/$1" -c "$2" -p 1000 -t 900 -i 0; }
# What was lost of all that the last run sent: columns of its table.
lost() { awk 'NR > 1 { sent += $3; lost += $4 } END { printf "%d of %d", lost, sent }' "$dir/out"; }

failed=0
over() { # VALUE LIMIT WHAT
    awk -v v="$1" -v l="$2" 'BEGIN { exit !(v > l) }' || return 0
    echo "missed: $3 is $1, the limit $2"
    failed=1
}

# What starting, reading the list and printing costs, apart from the echoes: the cost of one round, taken off.
best_ours= best_theirs=
for turn in $(seq "$turns"); do
    them=$(( $(theirs "$targets" "$rounds") - $(theirs "$targets" 1) ))
    us=$(( $(ours "$targets" "$rounds") - $(ours "$targets" 1) ))
    echo "turn $turn: fengsui $(awk "BEGIN { printf \"%.2f\", $us / $targets / ($rounds - 1) }") us an echo, fping $(awk "BEGIN { printf \"%.2f\", $them / $targets / ($rounds - 1) }")"
    [ -n "$best_ours" ] && [ "$best_ours" -le "$us" ] || best_ours=$us
    [ -n "$best_theirs" ] && [ "$best_theirs" -le "$them" ] || best_theirs=$them
done
per=$(awk "BEGIN { printf \"%.2f\", $best_ours / $targets / ($rounds - 1) }")
ratio=$(awk "BEGIN { printf \"%.2f\", $best_ours / $best_theirs }")
ours "$targets" "$rounds" >/dev/null
echo "$targets targets a second: $per us an echo, $ratio of fping's (limit $most_ratio); lost $(lost)"
over "$ratio" $most_ratio "CPU per echo against fping"
over "$(lost | cut -d' ' -f1)" 0 "false loss"

us=$(( $(ours "$more" "$rounds") - $(ours "$more" 1) ))
ours "$more" "$rounds" >/dev/null
growth=$(awk "BEGIN { printf \"%.2f\", $us / $more / ($rounds - 1) / $per }")
echo "$more targets a second: $(awk "BEGIN { printf \"%.2f\", $us / $more / ($rounds - 1) }") us an echo, $growth of that with $targets (limit $most_growth); lost $(lost)"
over "$growth" $most_growth "cost per echo with more targets"
over "$(lost | cut -d' ' -f1)" 0 "false loss with more targets"

"$binary" probe icmp --targets "$dir/$more" --count $((minutes * 60 + 15)) --interval 1s --timeout 900ms >"$dir/out" &
child=$!
first= last= began=$SECONDS told=0
# As long as it runs, in its own time: a busy machine makes `sleep 1` longer.
while sleep 1 && now=$(awk '/^VmRSS/ { print $2 }' "/proc/$child/status" 2>/dev/null) && [ -n "$now" ]; do
    passed=$((SECONDS - began))
    [ $passed -lt $((minutes * 60 + 10)) ] || break
    last=$now
    # Every target has been seen, and what was sent first is forgotten again.
    [ -n "$first" ] || [ $passed -lt 15 ] || first=$now
    [ $passed -lt $((told * 60 + 60)) ] || { told=$((told + 1)); echo "minute $told: resident $now KiB"; }
done
wait "$child" || true
child=
echo "resident after 15 s $first KiB, after $((minutes * 60 + 10)) s $last KiB; lost $(lost)"
over $((last - first)) $most_kib "growth of memory, in KiB"
over "$(lost | cut -d' ' -f1)" 0 "false loss over $minutes minutes"
exit $failed
