#!/bin/bash
# Makes an initial RAM disk of busybox and an init script:
#
#   test-images/make-initrd.sh OUT INIT [FILE:PATH]...
#
# INIT becomes /init and starts with "#!/bin/busybox sh". Each FILE of the host becomes PATH in the guest, with its mode
# (kernel modules, say). OUT is compressed with gzip if its name ends in .gz. The same input gives the same bytes.
# Busybox is that of fetch-debian.sh; XENOLITH_DEBIAN_CACHE names its folder. Exit status 77: there is no busybox.
set -uo pipefail
umask 022

[ $# -ge 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 64; }
root=$(readlink -f -- "${BASH_SOURCE[0]}") && root=${root%/*/*}
busybox=${XENOLITH_DEBIAN_CACHE:-$root/.cache/debian}/busybox-static
busybox=$(ls "$busybox"/bin/busybox "$busybox"/usr/bin/busybox 2>/dev/null | head -n 1)
[ -n "$busybox" ] || { echo "make-initrd: no static busybox: run test-images/fetch-debian.sh busybox" >&2; exit 77; }

out=$(readlink -f -- "$1") init=$2
shift 2
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree" "$out.part"' EXIT
set -e
mkdir -p "$tree"/{bin,dev,etc,mnt,proc,root,run,sys,tmp}
cp "$busybox" "$tree/bin/busybox"
cp "$init" "$tree/init"
chmod 755 "$tree/bin/busybox" "$tree/init"
for pair; do
    file=${pair%:*} path=${pair##*:}
    [ "$file" != "$pair" ] && [ -n "$path" ] || { echo "make-initrd: '$pair' is not FILE:PATH" >&2; exit 64; }
    mkdir -p "$tree/$(dirname "$path")"
    cp -p "$file" "$tree/$path"
done

# What would differ between two runs: times, owners, the order of names, inode and device numbers.
find "$tree" -exec touch -h -d @0 {} +
pack() {
    ( cd "$tree" && find . -mindepth 1 | LC_ALL=C sort \
        | "$busybox" cpio -o -H newc -R 0:0 --renumber-inodes --ignore-devno 2>/dev/null )
}
case $out in
*.gz) pack | gzip -n -6 >"$out.part" ;;
*) pack >"$out.part" ;;
esac
mv "$out.part" "$out"
