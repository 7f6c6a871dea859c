#!/usr/bin/env bash
# CPU, cycle time and memory of SNMP polling, on simulated devices of 48 ports: this program, bare sockets that look at
# nothing, snmpbulkwalk, gufo-snmp and prometheus-snmp-exporter, in turns, on the same target with the same max-repetitions;
# the values that each decoded must add up to the same. Then a long way (20 ms), dead devices, and many devices.
#
#   benches/snmp.sh [--turns N] [--walkers N] [--binary FILE] [--bench FILE] [--python FILE]
#
# --python is one that has gufo-snmp. A peer that is not installed is named and left out. Traffic stays on 127.20.0.0/16.
# Exit 1 if a limit is missed or sums differ, 3 if it could not be run.
set -euo pipefail
cd "$(dirname "$0")/.."
turns=3 walkers=100 binary= bench= python=python3
most_of_bulkwalk=0.0667 most_of_exporter=0.1 most_of_bare=2.5 # CPU per 100,000 variables, as a share of theirs
least_rate=3000000     # variables a CPU second of the simulator
most_of_floor=1.5      # a cycle over a long way, as a share of its round trips
most_cycle=10          # seconds for 5,000 devices of 48 ports and 12 columns
most_kib=153600        # memory with as many
most_growth=1.5        # CPU a variable with 5,000 devices, whose tables no cache holds, as a share of that with 50
most_dead=1.25         # time of the slowest live devices with a tenth dead, as a share of that with none
port=16100 exporter_port=16101 repetitions=25
while [ $# -gt 0 ]; do
    case $1 in
        --turns) turns=$2 ;; --walkers) walkers=$2 ;; --binary) binary=$2 ;; --bench) bench=$2 ;; --python) python=$2 ;;
        *) sed -n '2,10p' "$0" >&2; exit 2 ;;
    esac
    shift 2
done
built() { # TARGET...: where cargo puts what it builds
    cargo build --locked --quiet --release "$@" --message-format=json |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -1
}
[ -n "$binary" ] || binary=$(built --bin fengsui)
[ -n "$bench" ] || bench=$(built --bench snmp)
dir=$(mktemp -d)
target= exporter=
trap 'for p in $target $exporter; do kill "$p" 2>/dev/null || true; done; rm -rf "$dir"' EXIT
echo "machine: $(nproc) cores, $(uname -sr); other load: $(cut -d' ' -f1 /proc/loadavg); receive buffers up to $(cat /proc/sys/net/core/rmem_max)"

awk 'BEGIN {
    print "1.3.6.1.2.1.1.1.0|4|Simulated switch of 48 ports, version 1\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1.48"
    print "1.3.6.1.2.1.1.3.0|67|8640000\n1.3.6.1.2.1.1.5.0|4|bench\n1.3.6.1.2.1.2.1.0|2|48"
    for (i = 1; i <= 48; i++) {
        t = "1.3.6.1.2.1.2.2.1."
        printf "%s1.%d|2|%d\n%s2.%d|4|GigabitEthernet0/0/%d\n%s3.%d|2|6\n%s4.%d|2|1500\n", t, i, i, t, i, i, t, i, t, i
        printf "%s5.%d|66|1000000000\n%s6.%d|4x|02005e1000%02x\n%s7.%d|2|1\n%s8.%d|2|%d\n", t, i, t, i, i, t, i, t, i, i % 2 + 1
        printf "%s9.%d|67|%d\n", t, i, i * 100
        for (c = 10; c <= 20; c++) printf "%s%d.%d|65|%.0f\n", t, c, i, (c * 77777777 * i) % 4294967296
        t = "1.3.6.1.2.1.31.1.1.1."
        printf "%s1.%d|4|GE0/0/%d\n", t, i, i
        for (c = 2; c <= 5; c++) printf "%s%d.%d|65|%d\n", t, c, i, c * i * 1000
        for (c = 6; c <= 13; c++) printf "%s%d.%d|70|%.0f\n", t, c, i, c * i * 1000000007
        printf "%s14.%d|2|1\n%s15.%d|66|1000\n%s16.%d|2|2\n%s17.%d|2|1\n%s18.%d|4|to room %d\n%s19.%d|67|0\n", t, i, t, i, t, i, t, i, t, i, i, t, i
    }
}' >"$dir/switch.snmprec"

serve() { # OPTION...: another target in the place of the last
    if [ -n "$target" ]; then
        kill "$target" 2>/dev/null || true
        wait "$target" 2>/dev/null || true
    fi
    "$binary" simulate "$dir/switch.snmprec" --listen "127.20.0.1/16:$port" --devices 5000 --community public "$@" >"$dir/serving" 2>"$dir/serving.err" &
    target=$!
    for _ in $(seq 100); do
        [ -s "$dir/serving" ] && return
        sleep 0.1
    done
    cat "$dir/serving.err" >&2
    exit 3
}
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; } # CPU of a process so far, in hundredths of a second
of() { tr ' ' '\n' <<<"$1" | sed -n "s/^$2=//p"; }      # one figure of a line of ours
calc() { awk "BEGIN { printf \"%.5g\", $1 }"; }
failed=0
limit() { # VALUE MOST WHAT
    awk -v v="$1" -v l="$2" 'BEGIN { exit !(v <= l) }' && { echo "ok      $3: $1 (at most $2)"; return; }
    echo "missed  $3: $1 (at most $2)"
    failed=1
}
same() { # SUM SUM WHO
    [ "$1" = "$2" ] || { echo "missed  $3 decoded other values: $1, we $2"; failed=1; }
}

# What a text from snmpbulkwalk adds up to: numbers as they are, texts byte by byte, OIDs arc by arc.
cat >"$dir/sum.py" <<'PY'
import sys
total = count = 0
def text(words):
    return sum(int(w, 16) for w in words)
for line in sys.stdin:
    if not line.startswith(".1."):
        total += text(line.split())
        continue
    value = line.split(" = ", 1)[1].strip()
    if value.startswith("No more variables"):
        continue
    count += 1
    kind, _, rest = value.rpartition(": ")
    if kind.startswith("Hex"):
        total += text(rest.split())
    elif kind == "OID":
        total += sum(int(arc) for arc in rest.strip(".").split("."))
    else:
        total += int(rest)
print(count, total)
PY
cat >"$dir/peer.py" <<'PY'
import sys, time
from gufo.snmp.sync import SnmpSession
from gufo.snmp import SnmpVersion
count = total = 0
began = time.process_time()
for n in range(int(sys.argv[1])):
    kept = []
    with SnmpSession(addr=f"127.20.{(n + 1) // 256}.{(n + 1) % 256}", port=int(sys.argv[2]), community="public",
                     version=SnmpVersion.v2c, max_repetitions=int(sys.argv[3]), timeout=5.0) as session:
        kept.extend(session.getbulk("1.3.6.1.2.1"))
    for _, v in kept if n == 0 else ():
        total += sum(v) if isinstance(v, bytes) else sum(int(a) for a in v.split(".")) if isinstance(v, str) else int(v)
    count += len(kept)
print(f"{(time.process_time() - began) / count * 1e5:.5f} {total}")
PY
cat >"$dir/exporter.yml" <<YML
bench:
  walk: [1.3.6.1.2.1]
  version: 2
  max_repetitions: $repetitions
  auth: {community: public}
  metrics:
$(for c in 2.2.1.7 2.2.1.8 31.1.1.1.6 31.1.1.1.10 31.1.1.1.15 31.1.1.1.19 2.2.1.14 2.2.1.20 2.2.1.13 2.2.1.19 31.1.1.1.7 31.1.1.1.11; do
    printf '  - {name: c%s, oid: 1.3.6.1.2.1.%s, type: gauge, help: c, indexes: [{labelname: ifIndex, type: gauge}]}\n' "${c//./_}" "$c"
done)
YML

bulkwalk() { # prints CPU per 100,000 variables
    TIMEFORMAT='%U %S'
    local spent
    spent=$( { time for n in $(seq "$walkers"); do
        snmpbulkwalk -v2c -c public "-Cr$repetitions" -On -Ox -Oe -Ot "127.20.0.$n:$port" 1.3.6.1.2.1 >"$dir/walk"
    done; } 2>&1)
    awk -v v="$variables" -v n="$walkers" '{ printf "%.5f", ($1 + $2) / (v * n) * 1e5 }' <<<"$spent"
}
scrape() { # prints CPU per 100,000 variables
    local before after
    before=$(ticks "$exporter")
    for n in $(seq "$walkers"); do
        curl -sf "http://127.0.0.1:$exporter_port/snmp?module=bench&target=127.20.0.$n:$port" >"$dir/scrape"
    done
    after=$(ticks "$exporter")
    awk -v t=$((after - before)) -v v="$variables" -v n="$walkers" 'BEGIN { printf "%.5f", t / 100 / (v * n) * 1e5 }'
}
best() { sort -g | head -1; }

serve
one=$("$bench" walk --port $port --devices 1 --cycles 1)
variables=$(of "$one" variables) sum=$(of "$one" sum) packets=$(of "$one" packets)
echo "a walk of one device: $variables variables in $packets requests"
have_gufo=yes have_exporter=yes have_bulkwalk=yes
"$python" -c 'import gufo.snmp.sync' 2>/dev/null || { have_gufo=; echo "not run: gufo-snmp is not installed (pip install gufo-snmp)"; }
command -v snmpbulkwalk >/dev/null || { have_bulkwalk=; echo "not run: snmpbulkwalk is not installed (package snmp)"; }
if command -v prometheus-snmp-exporter >/dev/null && command -v curl >/dev/null; then
    prometheus-snmp-exporter --config.file="$dir/exporter.yml" --web.listen-address="127.0.0.1:$exporter_port" 2>"$dir/exporter.err" &
    exporter=$!
    for _ in $(seq 50); do curl -sf "http://127.0.0.1:$exporter_port/" >/dev/null && break; sleep 0.1; done
else
    have_exporter=
    echo "not run: prometheus-snmp-exporter or curl is not installed"
fi
for turn in $(seq "$turns"); do
    before=$(ticks "$target")
    line=$("$bench" walk --port $port --devices 400 --in-flight 64 --cycles 5 --repetitions $repetitions)
    after=$(ticks "$target")
    of "$line" cpu_per_100k >>"$dir/ours"
    calc "$variables * 400 * 5 / (($after - $before) / 100)" >>"$dir/rate"; echo >>"$dir/rate"
    of "$("$bench" bare --port $port --devices 400 --in-flight 64 --cycles 4 --repetitions $repetitions)" cpu_per_100k >>"$dir/bare"
    said="turn $turn, CPU seconds per 100,000 variables: fengsui $(tail -1 "$dir/ours"), bare $(tail -1 "$dir/bare")"
    if [ -n "$have_bulkwalk" ]; then
        { bulkwalk; echo; } >>"$dir/bulkwalk"
        said+=", snmpbulkwalk $(tail -1 "$dir/bulkwalk")"
    fi
    if [ -n "$have_gufo" ]; then
        read -r cpu gufo_sum < <("$python" "$dir/peer.py" "$walkers" $port $repetitions)
        echo "$cpu" >>"$dir/gufo"
        said+=", gufo-snmp $cpu"
        same "$gufo_sum" "$sum" gufo-snmp
    fi
    if [ -n "$have_exporter" ]; then
        { scrape; echo; } >>"$dir/exporter"
        said+=", snmp_exporter $(tail -1 "$dir/exporter")"
    fi
    echo "$said"
done
ours=$(best <"$dir/ours")
echo "cycle of 400 devices, 64 at once: p50 $(of "$line" cycle_p50) s; a device p50 $(of "$line" device_p50) s, p99 $(of "$line" device_p99) s; $(of "$line" rss_kib) KiB"
if [ -n "$have_bulkwalk" ]; then
    same "$("$python" "$dir/sum.py" <"$dir/walk")" "$variables $sum" snmpbulkwalk
    limit "$(calc "$ours / $(best <"$dir/bulkwalk")")" $most_of_bulkwalk "CPU as a share of snmpbulkwalk's"
fi
if [ -n "$have_exporter" ]; then
    table=$("$bench" table --port $port --devices 1 --cycles 1)
    same "$(awk '/^c[0-9_]+\{/ { sum += $2 } END { printf "%.0f", sum }' "$dir/scrape")" "$(of "$table" sum)" prometheus-snmp-exporter
    limit "$(calc "$ours / $(best <"$dir/exporter")")" $most_of_exporter "CPU as a share of prometheus-snmp-exporter's"
fi
limit "$(calc "$ours / $(best <"$dir/bare")")" $most_of_bare "CPU as a share of bare sockets'"
limit "$(calc "$least_rate / $(sort -g "$dir/rate" | tail -1)")" 1 "needed part of what the simulator can do ($(sort -g "$dir/rate" | tail -1) variables a CPU second)"

line=$("$bench" table --port $port --devices 50 --in-flight 50 --cycles 200)
few=$(of "$line" cpu_per_100k)
line=$("$bench" table --port $port --devices 5000 --in-flight 5000 --cycles 4)
echo "5,000 devices, 48 ports, 12 columns: cycle p50 $(of "$line" cycle_p50) s, longest $(of "$line" cycle_p99) s; CPU per 100,000 variables $(of "$line" cpu_per_100k), with 50 devices $few; sent again $(of "$line" again), lost by our buffer $(of "$line" overflows)"
limit "$(of "$line" cycle_p99)" $most_cycle "seconds of a cycle of 5,000 devices"
limit "$(of "$line" rss_kib)" $most_kib "KiB with 5,000 devices"
limit "$(calc "$(of "$line" cpu_per_100k) / $few")" $most_growth "CPU a variable with 5,000 devices, as a share of that with 50"
limit "$(of "$line" failed)" 0 "tables that did not come whole"

# The same by the probers of an agent, in its own bounds: so many runs at once, so many arenas of memory.
probers() { MALLOC_ARENA_MAX=2 "$bench" probe --port $port --in-flight 768 --cycles 4 "$@"; }
line=$(probers --devices 5000)
echo "5,000 devices by an agent's probers: cycle p50 $(of "$line" cycle_p50) s, longest $(of "$line" cycle_p99) s; $(of "$line" variables) variables, $(of "$line" numbers) numbers kept; CPU per 100,000 variables $(of "$line" cpu_per_100k); sent again $(of "$line" again)"
limit "$(of "$line" cycle_p99)" $most_cycle "seconds of a cycle of 5,000 devices by probers"
limit "$(of "$line" rss_kib)" $most_kib "KiB with 5,000 devices and their probers"
limit "$(of "$line" failed)" 0 "runs that were not whole"
if [ -n "$have_bulkwalk" ]; then
    limit "$(calc "$(of "$line" cpu_per_100k) / $(best <"$dir/bulkwalk")")" $most_of_bulkwalk "CPU of probers as a share of snmpbulkwalk's"
fi
if [ -n "$have_exporter" ]; then
    limit "$(calc "$(of "$line" cpu_per_100k) / $(best <"$dir/exporter")")" $most_of_exporter "CPU of probers as a share of prometheus-snmp-exporter's"
fi

serve --delay 20ms
line=$("$bench" walk --port $port --devices 1000 --in-flight 1000 --cycles 3 --repetitions $repetitions)
floor=$(calc "$packets * 0.02")
echo "1,000 devices, 20 ms away: cycle p50 $(of "$line" cycle_p50) s of $packets round trips, $floor s"
limit "$(calc "$(of "$line" cycle_p50) / $floor")" $most_of_floor "cycle over a long way, as a share of its round trips"
limit "$(of "$line" again)" 0 "requests sent again"
whole=$(of "$line" device_p99)
line=$(probers --devices 768)
probers_whole=$(of "$line" device_p99)
serve --delay 20ms --fault dead=0.1
line=$(probers --devices 768)
echo "768 devices by probers with a tenth dead: live devices p50 $(of "$line" device_p50) s, p99 $(of "$line" device_p99) s; without dead ones p99 $probers_whole s"
limit "$(calc "$(of "$line" device_p99) / $probers_whole")" $most_dead "time of the slowest live devices by probers with a tenth dead, as a share of that with none"
line=$("$bench" walk --port $port --devices 1000 --in-flight 1000 --cycles 3 --repetitions $repetitions)
echo "the same with a tenth dead: live devices p50 $(of "$line" device_p50) s, p99 $(of "$line" device_p99) s; without dead ones p99 $whole s; $(of "$line" failed) walks of the dead"
limit "$(calc "$(of "$line" device_p99) / $whole")" $most_dead "time of the slowest live devices with a tenth dead, as a share of that with none"
exit $failed
