#!/bin/bash
# Assembles the embedded guests: test-images/build-guests.sh [OUT]
#
# OUT is the folder for the ELF files, by default where the jar takes them from. Needs GNU as and ld (package binutils).
# The same source gives the same bytes; a test compares them with what is committed. Exit status 77: no assembler.
set -euo pipefail
here=$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")
out=${1:-$here/src/main/resources/org/xenolith/testimages}
type -P as >/dev/null && type -P ld >/dev/null || { echo "build-guests: no as and ld here (package binutils)" >&2; exit 77; }
mkdir -p "$out"
object=$(mktemp) && trap 'rm -f "$object"' EXIT
for source in "$here"/src/main/guest/*/*.S; do
    name=$(basename "$source" .S)
    as --64 -I "$here/src/main/guest" -o "$object" "$source"
    ld -n -s --build-id=none -z noexecstack --no-warn-rwx-segments -T "${source%.S}.ld" -o "$out/$name.elf" "$object"
    chmod 644 "$out/$name.elf"
done
# Firmware and boot sectors are flat: .bin, linked for where they run.
for source in "$here"/src/main/firmware/*.S; do
    name=$(basename "$source" .S)
    case $name in bios) at=0;; *) at=0x7c00;; esac
    as --32 -o "$object" "$source"
    ld -m elf_i386 --oformat binary -Ttext $at -e start -o "$out/$name.bin" "$object"
    chmod 644 "$out/$name.bin"
done
