#!/bin/bash
# Measures Xenolith against QEMU's TCG with the guest benchmark, and prints a table:
#
#   test-images/bench.sh [OPTION]...
#
#   --rounds N        rounds of each engine, in turns (default 3); the table has medians over the rounds
#   --only REGEX      only rows whose name matches, as in 'integer/' or 'sha256|memcpy' (default: all)
#   --scale PERCENT   share of the calibrated work (default 100, about half a second a row under TCG)
#   --tier TIER       Xenolith's tier: auto, native or interpreter (default: what ./xenolith picks)
#   --engines LIST    of host,qemu,xenolith (default: all three; ratios need qemu and xenolith)
#   --memory MIB      the guest's memory (default 512)
#   --limit SECONDS   wall time for one run of one engine (default 1800)
#   --markdown FILE   writes the table there too
#   --json FILE       writes all figures, of every round, as JSON
#   --list            prints the rows and ends
#
# A row's time is the host's wall clock between two lines on the guest's console. Each row ends with a checksum that
# must be the same everywhere. See docs/benchmarks.md. Raw logs stay in test-images/target/bench/log.
# Exit status: 0 all measured, 1 a row is missing or wrong, 64 wrong usage, 77 a program or image is missing.
set -uo pipefail
export LC_ALL=C
here=$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")
root=${here%/*}
out=$here/target/bench
log=$out/log
cache=${XENOLITH_DEBIAN_CACHE:-$root/.cache/debian}

. "$here/src/bench/measure.sh"
usage() { sed -n '2,19s/^# \{0,1\}//p' "$0"; }

rounds=3 only=. scale=100 tier='' engines=host,qemu,xenolith memory=512 limit=1800 markdown='' json='' list=no
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage; exit ;;
    --list) list=yes; shift; continue ;;
    --rounds | --only | --scale | --tier | --engines | --memory | --limit | --markdown | --json) ;;
    *) wrong "unknown option '$1'" ;;
    esac
    [ $# -ge 2 ] || wrong "$1 takes a value"
    case $1 in
    --rounds) number "$@"; rounds=$2 ;;
    --only) only=$2 ;;
    --scale) number "$@"; scale=$2 ;;
    --tier)
        [[ $2 =~ ^(auto|native|interpreter)$ ]] || wrong "--tier is auto, native or interpreter, not '$2'"
        tier=$2
        ;;
    --engines)
        [[ ,$2 =~ ^(,(host|qemu|xenolith))+$ ]] || wrong "--engines is of host,qemu,xenolith, not '$2'"
        engines=$2
        ;;
    --memory) number "$@"; memory=$2 ;;
    --limit) number "$@"; limit=$2 ;;
    --markdown) markdown=$2 ;;
    --json) json=$2 ;;
    esac
    shift 2
done
uses() { [[ ,$engines, == *,$1,* ]]; }
# Found out now, not after an hour of measuring.
for file in "$markdown" "$json"; do
    [ -z "$file" ] || : >"$file" || wrong "cannot write '$file'"
done

"$here/build-bench.sh" "$out" || exit
mapfile -t rows < <("$out/bench" list | awk '{ print $1 }' | grep -E -e "$only")
[ ${#rows[@]} -gt 0 ] || wrong "no row matches '$only'"
if [ $list = yes ]; then printf '%s\n' "${rows[@]}"; exit; fi

for tool in awk gzip timeout; do
    type -P $tool >/dev/null || skip "no $tool here"
done
if uses qemu; then
    type -P qemu-system-x86_64 >/dev/null || skip "no qemu-system-x86_64 here (apt-get install qemu-system-x86)"
fi
kernel=''
if uses qemu || uses xenolith; then
    "$here/fetch-debian.sh" cloud busybox || exit
    kernel=$(echo "$cache"/linux-cloud/boot/vmlinuz-*)
    [ -r "$kernel" ] || skip "no kernel in $cache/linux-cloud/boot"
fi
if uses xenolith; then
    "$root/xenolith" --version >/dev/null || skip "./xenolith does not start"     # builds it if need be
fi
rm -rf "$log" && mkdir -p "$log" || exit 1

# What runs in the guest, and with BENCH_HOST set the same on the host.
cat >"$out/rows.sh" <<END
echo BENCH-UP
for row in ${rows[*]}; do "\$folder/bench" run \$row $scale || echo "BENCH-FAILED \$row"; done
echo BENCH-DONE
END
{
    cat <<'END'
#!/bin/busybox sh
mount=/bin/busybox\ mount
$mount -t proc proc /proc
$mount -t devtmpfs dev /dev 2>/dev/null
$mount -t tmpfs tmp /tmp
exec </dev/console >/dev/console 2>&1
folder=/bench
END
    cat "$out/rows.sh"
    echo '/bin/busybox poweroff -f'
} >"$out/init"
initrd=$out/initrd.gz
"$here/make-initrd.sh" "$initrd" "$out/init" "$out/bench:/bench/bench" "$out/tiny:/bench/tiny" || exit

shared=/dev/shm
[ -d $shared ] && [ -w $shared ] || shared=${TMPDIR:-/tmp}

# command ENGINE: sets the array command
command() {
    case $1 in
    host) command=(env "folder=$out" "BENCH_TMPFS=$shared" sh "$out/rows.sh") ;;
    qemu)
        command=(qemu-system-x86_64 -accel tcg -cpu max -smp 1 -m "$memory" -nographic -nodefaults -serial stdio
            -no-reboot -kernel "$kernel" -initrd "$initrd" -append 'console=ttyS0 quiet panic=-1')
        ;;
    xenolith)
        command=("$root/xenolith" run --type pvh --pace max --kernel "$kernel" --initrd "$initrd" --memory "${memory}M"
            --append 'console=hvc0 quiet')
        [ -z "$tier" ] || command+=(--tier "$tier")
        ;;
    esac
}

for ((round = 1; round <= rounds; round++)); do
    for engine in host qemu xenolith; do
        uses $engine || continue
        echo "bench: round $round of $rounds, $engine" >&2
        measure $engine $round
    done
done

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
qemu_version=''
uses qemu && qemu_version=$(qemu-system-x86_64 --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p')
awk -v "name=$name" -v "markdown=$markdown" -v "json=$json" -v "rows=${rows[*]}" -v "engines=$engines" \
    -v "rounds=$rounds" -v "scale=$scale" -v "tier=${tier:-default}" -v "cpu=$cpu" -v "kernel=${kernel##*/}" \
    -v "qemu=$qemu_version" -v "memory=$memory" -f "$here/src/bench/median.awk" \
    -f "$here/src/bench/table.awk" "$log"/*.log
