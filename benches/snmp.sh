#!/usr/bin/env bash
# CPU, cycle time and memory of SNMP polling, on simulated devices of 48 ports: this program, bare sockets that look at
# nothing, snmpbulkwalk, gufo-snmp and prometheus-snmp-exporter, in turns, on the same target with the same max-repetitions
# and as many devices at once; the values that each decoded must add up to the same. Then a long way (20 ms), dead devices,
# and many devices.
#
#   benches/snmp.sh [--turns N] [--walkers N] [--cycles N] [--binary FILE] [--bench FILE] [--python FILE] [--quick]
#
# --python is one that has gufo-snmp. A peer that is not installed is named and left out. --quick takes a build that is not
# optimised and a few devices, shows that every figure is there, and judges none of them. Traffic stays on 127.20.0.0/16.
# Exit 1 if a limit is missed or sums differ, 3 if it could not be run.
set -euo pipefail
cd "$(dirname "$0")/.."
turns=5 walkers=100 cycles=20 binary= bench= python=python3 quick= profile=(--release)
many=5000 away=1000 fleet=768 # devices: at once, 20 ms away, by as many of an agent's probers as run at once
few=50 few_cycles=200  # what a variable of few devices costs
most_of_bulkwalk=0.0667 most_of_exporter=0.1 most_of_bare=2.5 # CPU per 100,000 variables, as a share of theirs
least_rate=3000000     # variables a CPU second of the simulator
most_of_floor=1.5      # a cycle over a long way, as a share of its round trips
most_cycle=10          # seconds for 5,000 devices of 48 ports and 12 columns
most_kib=153600        # memory with as many
most_growth=1.5        # CPU a variable with 5,000 devices, whose tables no cache holds, as a share of that with 50
most_dead=1.25         # time of the slowest live devices with a tenth dead, as a share of that with none
port=16100 exporter_port=16101 repetitions=25 at_once=64
while [ $# -gt 0 ]; do
    case $1 in
        --quick) quick=yes profile=() turns=1 walkers=4 cycles=3 many=20 away=20 fleet=20 few=10 few_cycles=5; shift; continue ;;
        --turns) turns=$2 ;; --walkers) walkers=$2 ;; --cycles) cycles=$2 ;;
        --binary) binary=$2 ;; --bench) bench=$2 ;; --python) python=$2 ;;
        *) sed -n '2,13p' "$0" >&2; exit 2 ;;
    esac
    shift 2
done
built() { # OPTION...: where cargo puts what it builds
    cargo build --locked --quiet "$@" --message-format=json |
        sed -n 's/.*"name":"'"${*: -1}"'".*"executable":"\([^"]*\)".*/\1/p' | tail -1
}
[ -n "$binary" ] || binary=$(built "${profile[@]}" --bin fengsui)
[ -n "$bench" ] || bench=$(built "${profile[@]}" --bench snmp)
dir=$(mktemp -d)
target= exporter=
trap 'for p in $target $exporter; do kill "$p" 2>/dev/null || true; done; rm -rf "$dir"' EXIT
load() { cut -d' ' -f1-3 /proc/loadavg; }
echo "machine: $(nproc) cores, $(uname -sr); load $(load); receive buffers up to $(cat /proc/sys/net/core/rmem_max)"

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
    [ -z "$quick" ] || { echo "quick   $3: $1 (at most $2, not judged)"; return; }
    awk -v v="$1" -v l="$2" 'BEGIN { exit !(v <= l) }' && { echo "ok      $3: $1 (at most $2)"; return; }
    echo "missed  $3: $1 (at most $2)"
    failed=1
}
same() { # SUM SUM WHO
    [ "$1" = "$2" ] || { echo "missed  $3 decoded other values: $1, we $2"; failed=1; return; }
    echo "$3" >>"$dir/same"
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
cat >"$dir/with_gufo.py" <<'PY'
import asyncio, resource, sys, time
from gufo.snmp import SnmpVersion
from gufo.snmp.aio import SnmpSession
from gufo.snmp.sync import SnmpSession as SyncSession
way, devices, at_once, cycles, port, repetitions, times = sys.argv[1], *map(int, sys.argv[2:7]), sys.argv[7]
def terms(n):
    return dict(addr=f"127.20.{(n + 1) // 256}.{(n + 1) % 256}", port=port, community="public", version=SnmpVersion.v2c,
                max_repetitions=repetitions, timeout=5.0)
def walk(n):
    with SyncSession(**terms(n)) as session:
        return list(session.getbulk("1.3.6.1.2.1"))
async def walk_aside(n, room):
    async with room, SnmpSession(**terms(n)) as session:
        return [pair async for pair in session.getbulk("1.3.6.1.2.1")]
async def all_aside():
    room = asyncio.Semaphore(at_once)
    return await asyncio.gather(*(walk_aside(n, room) for n in range(devices)))
count = 0
with open(times, "a") as file:
    for cycle in range(cycles + 1):  # the first is not counted
        if cycle == 1:
            cpu = time.process_time()
        began = time.monotonic()
        kept = [walk(n) for n in range(devices)] if way == "sync" else asyncio.run(all_aside())
        if cycle:
            file.write(f"{time.monotonic() - began:.6f}\n")
            count += sum(map(len, kept))
cpu = time.process_time() - cpu
total = sum(sum(v) if isinstance(v, bytes) else sum(map(int, v.split("."))) if isinstance(v, str) else int(v) for _, v in kept[0])
print(f"{cpu / count * 1e5:.5f} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} {total}")
PY
# A command, once a cycle: adds the seconds of each but the first; prints CPU seconds of all but that, and the KiB of its largest process.
cat >"$dir/cycles.py" <<'PY'
import resource, subprocess, sys, time
def used():
    return resource.getrusage(resource.RUSAGE_CHILDREN)
def cpu():
    return used().ru_utime + used().ru_stime
with open(sys.argv[2], "a") as file:
    for cycle in range(int(sys.argv[1]) + 1):
        if cycle == 1:
            before = cpu()
        began = time.monotonic()
        subprocess.run(sys.argv[3:], check=True, stdout=subprocess.DEVNULL)
        if cycle:
            file.write(f"{time.monotonic() - began:.6f}\n")
print(f"{cpu() - before:.6f} {used().ru_maxrss}")
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

# Each program's turn: adds CPU per 100,000 variables, the most memory in KiB, and the seconds of each cycle to its files.
per_100k() { awk -v t="$1" -v n="$2" -v v="$variables" 'BEGIN { printf "%.5f\n", t / (v * n) * 1e5 }'; } # SECONDS WALKS
turn_of_fengsui() {
    local before line
    before=$(ticks "$target")
    line=$("$bench" walk --port $port --devices "$walkers" --in-flight $at_once --cycles $((cycles + 1)) --repetitions $repetitions --times "$dir/fengsui.times")
    calc "$variables * $walkers * ($cycles + 1) / (($(ticks "$target") - $before + 0.5) / 100)" >>"$dir/rate"; echo >>"$dir/rate"
    of "$line" cpu_per_100k >>"$dir/fengsui.cpu"
    of "$line" rss_kib >>"$dir/fengsui.kib"
    same $(($(of "$line" sum) / walkers)) "$sum" fengsui
}
turn_of_bare() {
    local line
    line=$("$bench" bare --port $port --devices "$walkers" --in-flight $at_once --cycles $((cycles + 1)) --repetitions $repetitions --times "$dir/bare.times")
    of "$line" cpu_per_100k >>"$dir/bare.cpu"
    of "$line" rss_kib >>"$dir/bare.kib"
}
turn_of_snmpbulkwalk() {
    local spent kib
    read -r spent kib < <("$python" "$dir/cycles.py" "$cycles" "$dir/snmpbulkwalk.times" \
        xargs -a "$dir/addresses" -P $at_once -I{} snmpbulkwalk -v2c -c public -Cr$repetitions -On -Ox -Oe -Ot {} 1.3.6.1.2.1)
    per_100k "$spent" $((walkers * cycles)) >>"$dir/snmpbulkwalk.cpu"
    echo "$kib" >>"$dir/snmpbulkwalk.kib"
}
turn_of_gufo() { # sync or asyncio
    local spent kib total
    read -r spent kib total < <("$python" "$dir/with_gufo.py" "$1" "$walkers" $at_once "$cycles" $port $repetitions "$dir/gufo-$1.times")
    echo "$spent" >>"$dir/gufo-$1.cpu"
    echo "$kib" >>"$dir/gufo-$1.kib"
    same "$total" "$sum" "gufo-$1"
}
turn_of_exporter() {
    local before
    before=$(ticks "$exporter")
    "$python" "$dir/cycles.py" "$cycles" "$dir/exporter.times" \
        curl -sf --no-progress-meter --fail-early --parallel --parallel-max $at_once --config "$dir/scrapes" >"$dir/scraping"
    calc "($(ticks "$exporter") - $before) / 100" >"$dir/spent"
    per_100k "$(cat "$dir/spent")" $((walkers * (cycles + 1))) >>"$dir/exporter.cpu"
    awk '/^VmHWM:/ { print $2 }' "/proc/$exporter/status" >>"$dir/exporter.kib"
}
best() { sort -g | head -1; }
share() { sort -g "$1" | awk -v q="$2" '{ v[NR] = $1 } END { printf "%.4f", v[int((NR - 1) * q) + 1] }'; } # FILE SHARE

serve
one=$("$bench" walk --port $port --devices 1 --cycles 1)
variables=$(of "$one" variables) sum=$(of "$one" sum) packets=$(of "$one" packets)
echo "a walk of one device: $variables variables in $packets requests; a cycle is $walkers devices, $at_once at once; $turns turns of $cycles cycles"
for n in $(seq 0 $((walkers - 1))); do
    address=127.20.$(((n + 1) / 256)).$(((n + 1) % 256)):$port
    echo "$address" >>"$dir/addresses"
    printf 'url = "http://127.0.0.1:%s/snmp?module=bench&target=%s"\noutput = /dev/null\n' "$exporter_port" "$address" >>"$dir/scrapes"
done
programs=(fengsui bare)
if ! command -v snmpbulkwalk >/dev/null; then
    echo "not run: snmpbulkwalk is not installed (package snmp)"
else
    programs+=(snmpbulkwalk)
    snmpbulkwalk -v2c -c public -Cr$repetitions -On -Ox -Oe -Ot 127.20.0.1:$port 1.3.6.1.2.1 >"$dir/walk"
    same "$("$python" "$dir/sum.py" <"$dir/walk")" "$variables $sum" snmpbulkwalk
fi
if ! "$python" -c 'import gufo.snmp.sync' 2>/dev/null; then
    echo "not run: gufo-snmp is not installed (pip install gufo-snmp)"
else
    programs+=(gufo-sync gufo-asyncio)
fi
if ! command -v prometheus-snmp-exporter >/dev/null || ! command -v curl >/dev/null; then
    echo "not run: prometheus-snmp-exporter or curl is not installed"
else
    programs+=(exporter)
    prometheus-snmp-exporter --config.file="$dir/exporter.yml" --web.listen-address="127.0.0.1:$exporter_port" 2>"$dir/exporter.err" &
    exporter=$!
    for _ in $(seq 50); do curl -sf "http://127.0.0.1:$exporter_port/" >/dev/null && break; sleep 0.1; done
    curl -sf "http://127.0.0.1:$exporter_port/snmp?module=bench&target=127.20.0.1:$port" >"$dir/scrape"
    table=$("$bench" table --port $port --devices 1 --cycles 1)
    same "$(awk '/^c[0-9_]+\{/ { sum += $2 } END { printf "%.0f", sum }' "$dir/scrape")" "$(of "$table" sum)" exporter
fi
# The same by the probers of an agent, in its own bounds: so many runs at once, so many arenas of memory.
probers() { MALLOC_ARENA_MAX=2 "$bench" probe --port $port --in-flight $fleet --cycles 4 "$@"; }
turn_of_probers() { # all devices, beside the peers in each turn: the machine is not as fast in every minute
    probers --devices $many >>"$dir/probers.lines"
    of "$(tail -1 "$dir/probers.lines")" cpu_per_100k >>"$dir/probers.cpu"
}
for turn in $(seq "$turns"); do
    order=("${programs[@]}" probers) said=
    [ $((turn % 2)) = 1 ] || mapfile -t order < <(printf '%s\n' "${order[@]}" | tac)
    for program in "${order[@]}"; do
        case $program in gufo-*) turn_of_gufo "${program#gufo-}" ;; *) "turn_of_$program" ;; esac
        said+=", $program $(tail -1 "$dir/$program.cpu")"
    done
    echo "turn $turn, load $(load), CPU seconds per 100,000 variables: ${said#, }"
done
# The best turn of each, all cycles of all turns, the most memory of one process: a process a walk has as many at once.
printf '%-14s %12s %10s %10s %10s  %s\n' program "CPU s/100k" "cycle p50" "p99 s" KiB values
for program in "${programs[@]}"; do
    values=$(grep -qx "$program" "$dir/same" && echo same || echo "-")
    printf '%-14s %12s %10s %10s %10s  %s\n' "$program" "$(best <"$dir/$program.cpu")" "$(share "$dir/$program.times" 0.5)" \
        "$(share "$dir/$program.times" 0.99)" "$(sort -g "$dir/$program.kib" | tail -1)" "$values"
done
ours=$(best <"$dir/fengsui.cpu")
ratio() { # PROGRAM LIMIT WHOSE
    [ ! -s "$dir/$1.cpu" ] || limit "$(calc "$ours / $(best <"$dir/$1.cpu")")" "$2" "CPU as a share of $3"
}
ratio snmpbulkwalk $most_of_bulkwalk "snmpbulkwalk's"
ratio exporter $most_of_exporter "prometheus-snmp-exporter's"
ratio bare $most_of_bare "bare sockets'"
limit "$(calc "$least_rate / $(sort -g "$dir/rate" | tail -1)")" 1 "needed part of what the simulator can do ($(sort -g "$dir/rate" | tail -1) variables a CPU second)"

line=$("$bench" table --port $port --devices $few --in-flight $few --cycles $few_cycles)
few_cpu=$(of "$line" cpu_per_100k)
line=$("$bench" table --port $port --devices $many --in-flight $many --cycles 4)
echo "$many devices, 48 ports, 12 columns: cycle p50 $(of "$line" cycle_p50) s, longest $(of "$line" cycle_p99) s; CPU per 100,000 variables $(of "$line" cpu_per_100k), with $few devices $few_cpu; sent again $(of "$line" again), lost by our buffer $(of "$line" overflows)"
limit "$(of "$line" cycle_p99)" $most_cycle "seconds of a cycle of $many devices"
limit "$(of "$line" rss_kib)" $most_kib "KiB with $many devices"
limit "$(calc "$(of "$line" cpu_per_100k) / $few_cpu")" $most_growth "CPU a variable with $many devices, as a share of that with $few"
limit "$(of "$line" failed)" 0 "tables that did not come whole"

ours=$(best <"$dir/probers.cpu")
line=$(grep -F "cpu_per_100k=$ours " "$dir/probers.lines" | head -1)
echo "$many devices by an agent's probers: cycle p50 $(of "$line" cycle_p50) s, longest $(of "$line" cycle_p99) s; $(of "$line" variables) variables, $(of "$line" numbers) numbers kept; CPU per 100,000 variables $(of "$line" cpu_per_100k); sent again $(of "$line" again)"
limit "$(of "$line" cycle_p99)" $most_cycle "seconds of a cycle of $many devices by probers"
limit "$(of "$(cat "$dir/probers.lines")" rss_kib | sort -g | tail -1)" $most_kib "KiB with $many devices and their probers"
limit "$(of "$(cat "$dir/probers.lines")" failed | sort -g | tail -1)" 0 "runs that were not whole"
ratio snmpbulkwalk $most_of_bulkwalk "snmpbulkwalk's, by probers"
ratio exporter $most_of_exporter "prometheus-snmp-exporter's, by probers"
ratio bare $most_of_bare "bare sockets', by probers"
few_cpu=$(of "$(probers --devices $few --cycles $few_cycles)" cpu_per_100k)
limit "$(calc "$ours / $few_cpu")" $most_growth "CPU a variable with $many devices by probers, as a share of that with $few ($few_cpu)"

serve --delay 20ms
line=$("$bench" walk --port $port --devices $away --in-flight $away --cycles 3 --repetitions $repetitions)
floor=$(calc "$packets * 0.02")
echo "$away devices, 20 ms away: cycle p50 $(of "$line" cycle_p50) s of $packets round trips, $floor s"
limit "$(calc "$(of "$line" cycle_p50) / $floor")" $most_of_floor "cycle over a long way, as a share of its round trips"
limit "$(of "$line" again)" 0 "requests sent again"
whole=$(of "$line" device_p99)
line=$(probers --devices $fleet)
probers_whole=$(of "$line" device_p99)
serve --delay 20ms --fault dead=0.1
line=$(probers --devices $fleet)
echo "$fleet devices by probers with a tenth dead: live devices p50 $(of "$line" device_p50) s, p99 $(of "$line" device_p99) s; without dead ones p99 $probers_whole s"
limit "$(calc "$(of "$line" device_p99) / $probers_whole")" $most_dead "time of the slowest live devices by probers with a tenth dead, as a share of that with none"
line=$("$bench" walk --port $port --devices $away --in-flight $away --cycles 3 --repetitions $repetitions)
echo "the same with a tenth dead: live devices p50 $(of "$line" device_p50) s, p99 $(of "$line" device_p99) s; without dead ones p99 $whole s; $(of "$line" failed) walks of the dead"
limit "$(calc "$(of "$line" device_p99) / $whole")" $most_dead "time of the slowest live devices with a tenth dead, as a share of that with none"
exit $failed
