#!/usr/bin/env bash
# What checking this host costs: `fengsui baseline check --host` with all its checks, beside `lynis audit system --quick`
# and `oscap` with the content for Debian, in one run: CPU, memory, programs started, and what each found.
# usage: benches/host.sh [--turns N] [--binary FILE]
# Needs root, as an audit does. A peer that is not installed is named and left out. Exit 1 if a limit is missed.
set -euo pipefail
cd "$(dirname "$0")/.."
turns=3 binary=target/release/fengsui
most_cpu=500         # milliseconds, user and system
most_kib=30720       # resident at most
most_children=2      # programs started
least_ratio=60       # times the CPU that lynis needs
while [ $# -gt 0 ]; do
    case $1 in
        --turns) turns=$2 ;; --binary) binary=$2 ;;
        *) sed -n 's/^# usage: //p' "$0" >&2; exit 2 ;;
    esac
    shift 2
done
[ -x "$binary" ] || { echo "no $binary: cargo build --release first" >&2; exit 3; }
[ "$(id -u)" = 0 ] || { echo "not root: an audit reads what only root may" >&2; exit 3; }
dir=$(mktemp -d)
child=
# Whoever ends this ends what it started, too: a peer that went on would write into a directory that is being removed.
clean() {
    [ -z "$child" ] || { kill -TERM -- "-$child" 2>/dev/null && wait "$child" 2>/dev/null; } || true
    rm -rf "$dir" 2>/dev/null || { sleep 1; rm -rf "$dir"; }
}
trap clean EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
echo "machine: $(nproc) cores, $(uname -sr); other load: $(cut -d' ' -f1 /proc/loadavg)"
missed=0

# Starts a command in a process group of its own and waits for it, however long: lynis needs minutes on a busy machine.
run() {
    setsid "$@" &
    child=$!
    local status=0
    wait "$child" || status=$?
    child=
    return "$status"
}

# Milliseconds of CPU, KiB at most and exit code of a command and all that it starts, into cpu, kib and code.
measure() {
    cat >"$dir/measure.py" <<'PY'
import resource, subprocess, sys
dir, command = sys.argv[1], sys.argv[2:]
with open(dir + "/out", "wb") as out, open(dir + "/err", "wb") as err:
    done = subprocess.run(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(dir + "/used", "w") as said:
    print(int((used.ru_utime + used.ru_stime) * 1000), used.ru_maxrss, done.returncode, file=said)
PY
    run python3 "$dir/measure.py" "$dir" "$@"
    read -r cpu kib code <"$dir/used"
}

# How many programs a command starts; -1 if that cannot be counted. A run of its own: strace costs more than what is measured.
children() {
    command -v strace >/dev/null || { echo -1; return; }
    strace -f -qq -e trace=execve -o "$dir/trace" "$@" >/dev/null 2>&1 </dev/null || true
    echo $(($(grep -c 'execve(.*= 0' "$dir/trace" 2>/dev/null || true) - 1))
}
limit() { # VALUE LIMIT WHAT
    echo "$3: $1 (at most $2)"
    [ "$1" -le "$2" ] || { missed=1; echo "missed: $3"; }
}

# How many times our own CPU that is.
in_ours() { echo $(($1 / (best > 0 ? best : 1))); }

best=
for turn in $(seq "$turns"); do
    measure "$binary" baseline check --host --format json
    case $code in 0 | 1 | 3) ;; *) echo "failed with $code: $(head -c 300 "$dir/err")" >&2; exit 1 ;; esac
    echo "turn $turn: fengsui $cpu ms of CPU, $kib KiB"
    [ -n "$best" ] && [ "$best" -le "$cpu" ] || best=$cpu
done
count() { grep -c "\"result\":\"$1\"" "$dir/out" || true; }
echo "fengsui: $(wc -l <"$dir/out") checks: $(for r in pass partial fail na manual error; do printf '%s %s, ' "$r" "$(count $r)"; done)"
limit "$best" "$most_cpu" "fengsui, ms of CPU, best of $turns"
limit "$kib" "$most_kib" "fengsui, KiB resident"
started=$(children "$binary" baseline check --host)
if [ "$started" -ge 0 ]; then limit "$started" "$most_children" "fengsui, programs started"; else echo "no strace, or it may not trace: programs started were not counted"; fi

if command -v lynis >/dev/null; then
    measure lynis audit system --quick --no-colors --logfile "$dir/log" --report-file "$dir/report"
    found=$(grep -cE '^(warning|suggestion)\[\]' "$dir/report" || true)
    echo "lynis: $cpu ms of CPU, $kib KiB, $(sed -n 's/^lynis_tests_done=//p' "$dir/report") tests, $found warnings and suggestions"
    ratio=$(in_ours "$cpu")
    echo "lynis needs $ratio times the CPU (at least $least_ratio)"
    [ "$ratio" -ge "$least_ratio" ] || { missed=1; echo "missed: CPU against lynis"; }
else
    echo "no lynis: install the package of that name; the ratio was not measured"
    missed=1
fi

content=$(ls /usr/share/xml/scap/ssg/content/ssg-debian*-ds*.xml /usr/share/scap-security-guide/ssg-debian*-ds*.xml 2>/dev/null | tail -1 || true)
if command -v oscap >/dev/null && [ -n "$content" ]; then
    profile=$(oscap info --profiles "$content" 2>/dev/null | sed -n 's/^\([^:]*standard\):.*/\1/p' | head -1)
    measure oscap xccdf eval ${profile:+--profile "$profile"} --results "$dir/results.xml" "$content"
    echo "oscap with ${content##*/}, ${profile:-its default profile}: $cpu ms of CPU, $kib KiB, exit $code, results:" \
        "$(sed -n 's/^Result[[:space:]]*//p' "$dir/out" | sort | uniq -c | awk '{ printf "%s %s, ", $2, $1 }')"
    echo "oscap needs $(in_ours "$cpu") times the CPU (told only: its content has fewer rules)"
else
    echo "no oscap, or no content for Debian: install openscap-scanner and ssg-debian"
fi
exit "$missed"
