#!/bin/busybox sh
# /init of the demo's Debian guest: shows where it runs, works a little, and powers off.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
exec </dev/console >/dev/console 2>&1
echo
echo "--- user space of $(uname -s) $(uname -r) on $(cat /sys/hypervisor/type) $(cat /sys/hypervisor/version/major).$(cat /sys/hypervisor/version/minor)"
echo "date: $(date -u)   up: $(cut -d' ' -f1 /proc/uptime) s"
grep -m1 'model name' /proc/cpuinfo
awk '/MemTotal/ { print "memory: " $2 " kB" }' /proc/meminfo
echo "sha256 of 1 MiB of zeroes: $(head -c 1048576 /dev/zero | sha256sum | cut -c1-16)…"
echo "--- good bye"
sync
poweroff -f
