#!/usr/bin/env bash
# What `fengsui up` costs when nothing happens: CPU and memory, alone and with a growing inventory on 127/8.
#
#   benches/steady.sh [--window SECONDS] [--assets "10 100 1000"] [--binary FILE]
#
# Exit 1 if a limit is passed, 3 if something could not be measured.
set -euo pipefail
cd "$(dirname "$0")/.."

window=60 assets="10 100 1000" binary=
while [ $# -gt 0 ]; do
  case "$1" in
    --window) window=$2; shift 2 ;;
    --assets) assets=$2; shift 2 ;;
    --binary) binary=$2; shift 2 ;;
    *) sed -n '2,6p' "$0"; exit 2 ;;
  esac
done
# Start-up, enrolment and the first plan are not steady state.
WARM_UP=15
# Limits: percent of one core and MB, alone and with 1,000 assets.
ALONE_CPU=3 ALONE_MB=80 FULL_CPU=15 FULL_MB=120

if [ -z "$binary" ]; then
  binary=${CARGO_TARGET_DIR:-target}/release/fengsui
  cargo build --release --locked --quiet
fi

work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

ticks=$(getconf CLK_TCK)
cpu_of() { # PID -> ticks of user and system time so far
  awk '{ sub(/^.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}
rss_of() { awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }
percent() { awk "BEGIN { printf \"%.2f\", ($2 - $1) * 100 / $ticks / $3 }"; }
runs_so_far() { # PORT: runs of probes that the console has counted: what was paid for
  exec 3<>"/dev/tcp/127.0.0.1/$1" || { echo 0; return; }
  printf 'GET /metrics/objects HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
  awk '/^fengsui_probe_runs_total/ { sum += $NF } END { printf "%d", sum }' <&3
  exec 3>&-
}
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 10000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}
address() { echo "127.$((20 + $1 / 65536)).$(($1 / 256 % 256)).$(($1 % 256))"; }

inventory() { # N PORT
  printf '[[region]]\nid = "652900"\nname = "阿克苏地区"\ntier = "prefecture"\n'
  for i in $(seq 1 "$1"); do
    printf '\n[[asset]]\nid = "host-%d"\nname = "主机 %d"\nkind = "host"\naddress = "%s"\nregion = "652900"\nzone = "extranet"\ntcp = [%d]\n' \
      "$i" "$i" "$(address "$i")" "$2"
  done
}

definitions() { # DIR: the shipped icmp probe every second instead of every ten; the shipped tcp one is every ten already
  mkdir -p "$1/probes"
  cat >"$1/probes/steady.toml" <<'EOT'
[[probe]]
id = "asset-icmp"
kind = "icmp"
on = "asset"
interval = "1s"
timeout = "900ms"
keep = "10s"
EOT
}

echo "machine: $(nproc) cores, $(uname -sr); window $window s after $WARM_UP s of warm-up; other load: $(cut -d' ' -f1 /proc/loadavg)"

# Something that accepts on every 127/8 address. Its cost is not counted.
listener=$(free_port)
if command -v python3 >/dev/null; then
  python3 - "$listener" <<'PY' &
import asyncio, sys
async def main():
    async def end(reader, writer):
        writer.close()
    async with await asyncio.start_server(end, "0.0.0.0", int(sys.argv[1]), backlog=1024) as server:
        await server.serve_forever()
asyncio.run(main())
PY
  pids+=($!)
else
  echo "not run: tcp because python3, which plays the accepting side, is not installed"
  exit 3
fi

over=0
base=
measure() { # N -> one line of the table
  local n=$1 dir="$work/$1" port agents pid args
  mkdir -p "$dir"
  port=$(free_port); agents=$(free_port)
  args=(up --data "$dir/data" --listen "127.0.0.1:$port" --agent-listen "127.0.0.1:$agents")
  if [ "$n" -gt 0 ]; then
    inventory "$n" "$listener" >"$dir/inventory.toml"
    definitions "$dir/definitions"
    args+=(--inventory "$dir/inventory.toml" --definitions "$dir/definitions")
  fi
  "$binary" "${args[@]}" >"$dir/log" 2>&1 &
  pid=$!
  pids+=("$pid")
  for _ in $(seq 1 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    kill -0 "$pid" 2>/dev/null || { echo "\`up\` ended:"; tail -5 "$dir/log"; exit 3; }
    sleep 0.2
  done
  sleep "$WARM_UP"
  local before after rss cpu runs
  runs=$(runs_so_far "$port")
  before=$(cpu_of "$pid")
  sleep "$window"
  after=$(cpu_of "$pid") || { echo "\`up\` ended:"; tail -5 "$dir/log"; exit 3; }
  rss=$(rss_of "$pid"); cpu=$(percent "$before" "$after" "$window")
  runs=$(awk "BEGIN { printf \"%.0f\", ($(runs_so_far "$port") - $runs) / $window }")
  [ -n "$base" ] || base=$cpu
  local each=-
  [ "$n" = 0 ] || each=$(awk "BEGIN { printf \"%.4f\", ($cpu - $base) / $n }")
  printf '%-8s %8s %10s %10s %16s\n' "$n" "$runs" "$cpu" "$rss" "$each"
  # One icmp a second and one tcp in ten: less than nine tenths of that is not the load that the limit is about.
  if [ "$runs" -lt $((n * 11 * 9 / 100)) ]; then
    echo "  only $runs runs a second of $((n * 11 / 10))"
    over=1
  fi
  local max_cpu= max_mb=
  [ "$n" != 0 ] || { max_cpu=$ALONE_CPU max_mb=$ALONE_MB; }
  [ "$n" != 1000 ] || { max_cpu=$FULL_CPU max_mb=$FULL_MB; }
  if [ -n "$max_cpu" ] && awk "BEGIN { exit !($cpu > $max_cpu || $rss > $max_mb) }"; then
    echo "  over the limit of $max_cpu % and $max_mb MB"
    over=1
  fi
  kill "$pid"
  local began=$SECONDS
  wait "$pid" || true
  [ $((SECONDS - began)) -le 5 ] || { echo "  took $((SECONDS - began)) s to end, more than 5"; over=1; }
}

printf '%-8s %8s %10s %10s %16s\n' assets runs/s '% of core' 'RSS MB' '% of core/asset'
for n in 0 $assets; do measure "$n"; done

# The peer: the same pings, nothing else.
most=$(printf '%s\n' $assets | sort -n | tail -1)
if command -v fping >/dev/null; then
  for i in $(seq 1 "$most"); do address "$i"; done >"$work/targets"
  fping -l -q -p 1000 -i 1 -f "$work/targets" >/dev/null 2>&1 &
  pid=$!
  pids+=("$pid")
  sleep 5
  before=$(cpu_of "$pid") || { echo "not run: fping because it ended at once"; exit 3; }
  sleep "$window"
  after=$(cpu_of "$pid")
  printf 'peer: fping, the same %s pings a second: %s %% of one core\n' "$most" "$(percent "$before" "$after" "$window")"
  kill "$pid"
else
  echo "not run: peer because fping is not installed"
fi
exit $over
