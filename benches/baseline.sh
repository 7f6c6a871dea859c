#!/usr/bin/env bash
# What judging device configurations costs: CPU for 10,000 lines, a thousand configurations in one command, growth with
# the lines and with the checks, and texts that are made to cost much, in 1 GiB of address space.
#
#   benches/baseline.sh [FENGSUI]
#
# FENGSUI is the program, built if it is not given. Exit 1 if a limit is missed.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -h | --help) sed -n '2,7p' "$0"; exit 2 ;; esac
fengsui=${1:-target/release/fengsui}
[ -n "${1:-}" ] || cargo build --locked --quiet --release
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
echo "machine: $(nproc) cores, $(uname -sr); other load: $(cut -d' ' -f1 /proc/loadavg)"
missed=0

# A switch with as many lines as wanted, five an interface.
switch() {
    awk -v lines="$1" 'BEGIN {
        print "#\nsysname CORE\n#\nvlan batch 10 20\n#\naaa\n local-user a password irreversible-cipher $1a$x$\n#"
        for (n = 8; n < lines - 5; n += 5)
            printf "interface GigabitEthernet%d/0/%d\n description acl 2000 inbound\n port link-type access\n port default vlan 10\n#\n", n / 240, n / 5 % 48
        print "user-interface vty 0 4\n authentication-mode aaa\n protocol inbound ssh\n#\nreturn" }'
}

# Milliseconds of CPU, user and system, that judging some files costs, and of the clock; exit 1, 3 are verdicts.
both() {
    local TIMEFORMAT='%U %S %R' status=0
    { time "$fengsui" baseline check --format json --config "$@" > /dev/null 2> "$dir/said" || status=$?; } 2> "$dir/time"
    case $status in 0 | 1 | 3) ;; *) echo "failed with $status: $(head -c 300 "$dir/said")" >&2; exit 1 ;; esac
    awk '{ printf "%d %d\n", ($1 + $2) * 1000, $3 * 1000 }' "$dir/time"
}
cpu() { both "$@" | cut -d' ' -f1; }

limit() {
    echo "$1: $2 $4 (at most $3)"
    [ "$2" -le "$3" ] || missed=1
}

for lines in 100 10000 40000; do switch "$lines" > "$dir/$lines.cfg"; done
copies() { for _ in $(seq "$1"); do echo "$2"; done; }
mapfile -t many < <(copies 21 "$dir/10000.cfg")
one=$(cpu "$dir/10000.cfg")
all=$(cpu "${many[@]}")
each=$(((all - one) / 20))
limit "10,000 lines, every check, JSON" "$each" 20 "ms of CPU"
mapfile -t many < <(copies 21 "$dir/40000.cfg")
one=$(cpu "$dir/40000.cfg")
limit "four times the lines" $((($(cpu "${many[@]}") - one) / 20)) $((each * 5 + 4)) "ms of CPU"
mapfile -t many < <(copies 1000 "$dir/100.cfg")
read -r all wall < <(both "${many[@]}")
echo "1,000 configurations of 100 lines: $all ms of CPU"
limit "1,000 configurations of 100 lines in one command" "$wall" 10000 "ms"

# The same check under so many names, as a policy of one's own beside the shipped checks.
policy() {
    mkdir "$dir/policy-$1"
    for n in $(seq "$1"); do
        printf '[[check]]\nid = "X%d"\ntitle = { zh = "t", en = "t" }\nseverity = "low"\nclause = "8.1.4.1 a)"\n' "$n"
        printf 'pass = { zh = "p", en = "p" }\nfail = { zh = "f", en = "f" }\n[[check.when]]\nos = ["huawei-vrp"]\n'
        printf 'each = "interface <i:rest>"\nline = "port default vlan <v:int>"\nassert = "v > %d"\ndefault = "fail"\n' "$n"
        printf 'source = "s"\nfix = "f"\ntests = [{ config = "interface a\\n port default vlan 4000", expect = "pass" }, { config = "interface a\\n port default vlan 1", expect = "fail" }]\n'
    done > "$dir/policy-$1/checks.toml"
}
mapfile -t many < <(copies 21 "$dir/10000.cfg")
for checks in 50 200; do
    policy "$checks"
    one=$(cpu "$dir/10000.cfg" --policy "$dir/policy-$checks")
    cost=$((($(cpu "${many[@]}" --policy "$dir/policy-$checks") - one) / 20 - each))
    [ "$checks" = 50 ] || { limit "four times the checks of one's own" "$cost" $((fewer * 5 + 4)) "ms of CPU"; }
    fewer=$cost
done

ulimit -v 1048576
head -c 104857600 /dev/urandom > "$dir/garbage"
limit "100 MiB of garbage" "$(cpu "$dir/garbage")" 2000 "ms of CPU"
{ switch 100 | head -8; head -c 10485760 /dev/zero | tr '\0' x; printf '\nreturn\n'; } > "$dir/long"
limit "a line of 10 MiB" "$(cpu "$dir/long")" 2000 "ms of CPU"
{ printf '#\nsysname X\n#\naaa\n'; awk 'BEGIN { for (n = 0; n < 999990; n++) printf "%*sx%d\n", n % 20, "", n; print "return" }'; } > "$dir/nested"
limit "a million nested blocks" "$(cpu "$dir/nested" --dialect huawei-vrp)" 10000 "ms of CPU"
{ printf '#\nsysname X\n#\nsnmp-agent\n'; seq -f 'snmp-agent usm-user v3 u%.0f authentication-mode md5 cipher x' 100000
    seq -f 'acl number %.0f' 100000; echo 'user-interface vty 0 4'; seq -f ' acl %.0f inbound' 100000; echo return; } > "$dir/names"
limit "a hundred thousand users and lists" "$(cpu "$dir/names")" 10000 "ms of CPU"
exit "$missed"
