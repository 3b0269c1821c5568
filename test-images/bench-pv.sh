#!/bin/bash
# Measures one kernel on QEMU's TCG, on Xenolith as PVH and as PV, and prints a table of what a guest asks its host for:
#
#   test-images/bench-pv.sh [OPTION]...
#
#   --rounds N        rounds of each engine, in turns (default 3); the table has medians over the rounds
#   --engines LIST    of qemu,pvh,pv (default: all three; ratios need qemu)
#   --parts LIST      of cpu,io,pair (default: all three)
#   --disk MIB        what is read of a disk (default 1024)
#   --net MIB         what is sent over each network (default 256)
#   --memory MIB      a guest's memory (default 512)
#   --limit SECONDS   wall time for one run of one engine (default 300)
#   --markdown FILE   writes the table there too
#
# Part cpu: power-on to init, and some of bench.sh's rows. Part io: a disk (PV, with QEMU virtio) read past the guest's
# page cache, and TCP from and to the host through NAT. Part pair: TCP between two guests on a bridge (Xenolith only).
# A time is the host's wall clock between two lines on the guest's console. See docs/benchmarks.md. Raw logs stay in
# test-images/target/bench/log-pv.
# Exit status: 0 all measured, 1 a row is missing or wrong, 64 wrong usage, 77 a program or image is missing.
set -uo pipefail
export LC_ALL=C
here=$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")
root=${here%/*}
out=$here/target/bench
log=$out/log-pv
cache=${XENOLITH_DEBIAN_CACHE:-$root/.cache/debian}

. "$here/src/bench/measure.sh"
usage() { sed -n '2,20s/^# \{0,1\}//p' "$0"; }
of_list() { [[ ,$2 =~ ^(,($3))+$ ]] || wrong "$1 is of ${3//|/,}, not '$2'"; }

rounds=3 engines=qemu,pvh,pv parts=cpu,io,pair disk=1024 net=256 memory=512 limit=300 markdown=''
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage; exit ;;
    --rounds | --engines | --parts | --disk | --net | --memory | --limit | --markdown) ;;
    *) wrong "unknown option '$1'" ;;
    esac
    [ $# -ge 2 ] || wrong "$1 takes a value"
    case $1 in
    --rounds) number "$@"; rounds=$2 ;;
    --engines) of_list "$1" "$2" 'qemu|pvh|pv'; engines=$2 ;;
    --parts) of_list "$1" "$2" 'cpu|io|pair'; parts=$2 ;;
    --disk) number "$@"; disk=$2 ;;
    --net) number "$@"; net=$2 ;;
    --memory) number "$@"; memory=$2 ;;
    --limit) number "$@"; limit=$2 ;;
    --markdown) markdown=$2; : >"$2" || wrong "cannot write '$2'" ;;
    esac
    shift 2
done
uses() { [[ ,$engines, == *,$1,* ]]; }
part() { [[ ,$parts, == *,$1,* ]]; }

"$here/build-bench.sh" "$out" || exit
for tool in awk gzip timeout; do
    type -P $tool >/dev/null || skip "no $tool here"
done
if uses qemu; then
    type -P qemu-system-x86_64 >/dev/null || skip "no qemu-system-x86_64 here (apt-get install qemu-system-x86)"
fi
"$here/fetch-debian.sh" cloud busybox || exit
kernel=$(echo "$cache"/linux-cloud/boot/vmlinuz-*)
[ -r "$kernel" ] || skip "no kernel in $cache/linux-cloud/boot"
if uses pvh || uses pv; then
    "$root/xenolith" --version >/dev/null || skip "./xenolith does not start"     # builds it if need be
fi
rm -rf "$log" && mkdir -p "$log" || exit 1

# initrd NAME MODULES: what standard input says is done in the guest, after its modules are in, in their order
initrd() {
    local file module files=("$out/bench:/bench/bench" "$out/tiny:/bench/tiny" "$out/io:/bench/io")
    for module in $2; do
        file=$(find "$cache/linux-cloud/" -name "$module.ko" | head -n 1)
        [ -n "$file" ] || skip "the kernel has no module $module"
        files+=("$file:/m/$module.ko")
    done
    {
        cat <<END
#!/bin/busybox sh
exec </dev/console >/dev/console 2>&1
echo BENCH-UP
/bin/busybox --install -s /bin
export PATH=/bin:/bench
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmp /tmp; mount -t devtmpfs dev /dev 2>/dev/null
for m in $2; do insmod /m/\$m.ko || echo BENCH-FAILED \$m; done
# address IP: the interface's, once it is there
address() {
    for i in 1 2 3 4 5 6 7 8 9; do [ -e /sys/class/net/eth0 ] && break; sleep 0.3; done
    ip link set lo up; ip addr add \$1/24 dev eth0; ip link set eth0 up
}
END
        cat
        echo 'echo BENCH-DONE; poweroff -f'
    } >"$log/$1.init"
    "$here/make-initrd.sh" "$log/$1.gz" "$log/$1.init" "${files[@]}" || exit
}

cpu_rows='system/getppid system/fork-wait system/page-fault system/pipe-pingpong'
rows=''
if part cpu; then
    rows="boot/power-on-to-init $cpu_rows"
    initrd cpu '' <<<"for r in $cpu_rows; do bench run \$r 100; done"
fi
if part io; then
    rows+=' disk/read net/nat-fetch net/nat-send'
    image=$out/disk.raw port=$((20000 + $$ % 20000))
    [ "$(stat -c %s "$image" 2>/dev/null)" = $((disk << 20)) ] || head -c ${disk}M /dev/urandom >"$image" || exit 1
    cat "$image" >/dev/null         # out of the host's page cache for all alike
    virtio='virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk'
    virtio+=' failover net_failover virtio_net'
    for kind in xen virtio; do
        device=/dev/xvda modules='xen-blkfront xen-netfront'
        [ $kind = xen ] || device=/dev/vda modules=$virtio
        initrd io-$kind "$modules" <<END
address 10.0.2.15
for i in 1 2 3 4 5 6 7 8 9; do [ -b $device ] && break; sleep 0.3; done
io disk/read read $device $disk
io net/nat-fetch fetch 10.0.2.2 $port $net
io net/nat-send send 10.0.2.2 $port $net
END
    done
    "$out/io" - serve 127.0.0.1 $port 1000000 &
    server=$!
    trap 'kill $server' EXIT
fi
if part pair; then
    rows+=' net/domains'
    initrd pair-client xen-netfront <<<"address 10.9.0.1; io net/domains send 10.9.0.2 7 $net"
    initrd pair-server xen-netfront <<<'address 10.9.0.2; io - serve 10.9.0.2 7 1'
fi

# command ENGINE-PART: sets the array command
command() {
    local engine=${1%-*} part=${1#*-} role
    case $engine-$part in
    qemu-*)
        command=(qemu-system-x86_64 -accel tcg -cpu max -smp 1 -m "$memory" -nographic -nodefaults -serial stdio
            -no-reboot -kernel "$kernel" -append 'console=ttyS0 quiet panic=-1' -initrd "$log/${part/io/io-virtio}.gz")
        [ "$part" != io ] || command+=(-drive "file=$image,format=raw,if=virtio,readonly=on"
            -netdev user,id=n -device virtio-net-pci,netdev=n,romfile=)
        ;;
    *-pair)
        command=("$root/xenolith" run --pace max)
        for role in client server; do
            cat >"$log/$role-$engine.cfg" <<END
name = "$role"
type = "$engine"
kernel = "$kernel"
ramdisk = "$log/pair-$role.gz"
extra = "console=hvc0 quiet"
memory = $memory
vcpus = 1
vif = [ 'bridge=lan0' ]
END
            command+=("$log/$role-$engine.cfg")
        done
        ;;
    *)
        command=("$root/xenolith" run --type "$engine" --pace max --kernel "$kernel" --memory "${memory}M"
            --append 'console=hvc0 quiet' --initrd "$log/${part/io/io-xen}.gz")
        [ "$part" != io ] || command+=(--disk "$image,ro" --net nat)
        ;;
    esac
}

for ((round = 1; round <= rounds; round++)); do
    for part in ${parts//,/ }; do
        for engine in ${engines//,/ }; do
            [ $engine-$part = qemu-pair ] && continue
            echo "$name: round $round of $rounds, $engine, $part" >&2
            measure $engine-$part $round
        done
    done
done

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
qemu_version=''
uses qemu && qemu_version=$(qemu-system-x86_64 --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p')
awk -v "name=$name" -v "markdown=$markdown" -v "rows=$rows" -v "engines=$engines" -v "rounds=$rounds" \
    -v "cpu=$cpu" -v "disk=$disk" -v "net=$net" -v "kernel=${kernel##*/}" -v "qemu=$qemu_version" -v "memory=$memory" \
    -f "$here/src/bench/median.awk" -f "$here/src/bench/table-pv.awk" "$log"/*.log
