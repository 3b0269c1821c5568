#!/bin/bash
# Gets what the tests with real guests need from the Debian archive, into a folder that git ignores:
#
#   test-images/fetch-debian.sh [--refresh] [cloud|generic|busybox|linux-686|busybox-i386|gnumach|PACKAGE]...
#                                                                         (default: the six that have names here)
#
#   .cache/debian/linux-cloud      the unpacked kernel package that linux-image-cloud-amd64 stands for
#   .cache/debian/linux-generic    the same for linux-image-amd64
#   .cache/debian/linux-686        the same for linux-image-686-pae of the i386 architecture
#   .cache/debian/busybox-i386     busybox-static of the i386 architecture
#   .cache/debian/gnumach          GNU Mach for Xen, 32-bit PV, of the i386 architecture
#   .cache/debian/PACKAGE          any other package, unpacked (busybox is busybox-static)
#
# XENOLITH_DEBIAN_CACHE names another folder. What is there already stays as it is, unless --refresh is given.
# Exit status: 0 all is there, 77 a package cannot be had (no network, or not a Debian), 64 wrong usage.
set -uo pipefail

root=$(readlink -f -- "${BASH_SOURCE[0]}") && root=${root%/*/*}
cache=${XENOLITH_DEBIAN_CACHE:-$root/.cache/debian}
refresh=no
wanted=()

skip() { echo "fetch-debian: $*; tests that need it will be skipped" >&2; exit 77; }

for argument; do
    case $argument in
    --refresh) refresh=yes ;;
    -*) echo "usage: $0 [--refresh] [cloud|generic|busybox|linux-686|busybox-i386|gnumach|PACKAGE]..." >&2; exit 64 ;;
    busybox) wanted+=(busybox-static) ;;
    *) wanted+=("$argument") ;;
    esac
done
[ ${#wanted[@]} -gt 0 ] || wanted=(cloud generic busybox-static busybox-i386 linux-686 gnumach)

mkdir -p "$cache" || exit 1
if type -P flock >/dev/null; then exec 9>>"$cache/lock" && flock 9; fi

updated=no
# update: brings apt's lists up to date, once
update() {
    [ $updated = no ] || return 1
    updated=yes
    echo "fetch-debian: apt-get update" >&2
    apt-get -qq update >/dev/null 2>&1
}

# i386: from here on apt knows packages of the i386 architecture, from lists of its own: the system's stay as they are
i386() {
    local lists=$cache/.apt-i386
    mkdir -p "$lists/partial" || exit 1
    printf '%s;\n' 'APT::Architectures { "amd64"; "i386"; }' "Dir::State::lists \"$lists\"" 'Dir::Cache::pkgcache ""' \
        'Dir::Cache::srcpkgcache ""' >"$lists.conf"
    export APT_CONFIG=$lists.conf
    updated=no
    compgen -G "$lists/*_binary-i386_Packages*" >/dev/null && [ $refresh = no ] || update
}

need_apt() { type -P apt-get >/dev/null && type -P dpkg >/dev/null || skip "$1 comes from the Debian archive, and there is no apt-get and dpkg here"; }

# kernel_of META: the kernel package that a meta package depends on
kernel_of() { apt-cache depends "$1" 2>/dev/null | awk '/^ *Depends: linux-image-/ { print $2; exit }'; }

# unpack PACKAGE [FOLDER]: makes $cache/FOLDER (PACKAGE by default)
unpack() {
    local package=$1 folder=${2:-$1} stage
    [ -d "$cache/$folder" ] && [ $refresh = no ] && return
    need_apt "$package"
    stage=$(mktemp -d "$cache/.stage.XXXXXX") || exit 1
    trap 'rm -rf "$stage"' EXIT
    echo "fetch-debian: $package" >&2
    # Sandbox::User: as root, apt would otherwise download as _apt, who may not write here.
    ( cd "$stage" && { apt-get -qq -o APT::Sandbox::User=root download "$package" >log 2>&1 \
        || { update && apt-get -qq -o APT::Sandbox::User=root download "$package" >log 2>&1; }; } ) \
        || { tail -n 3 "$stage/log" >&2; skip "cannot download $package"; }
    dpkg -x "$stage"/*.deb "$stage/root" || skip "cannot unpack $package"
    rm -rf "${cache:?}/$folder" && mv "$stage/root" "$cache/$folder" || exit 1
    rm -rf "$stage"
    trap - EXIT
}

for name in "${wanted[@]}"; do
    case $name in
    busybox-i386 | linux-686 | gnumach)
        [ -d "$cache/$name" ] && [ $refresh = no ] && continue
        need_apt "$name"
        i386
        ;;&
    busybox-i386) unpack busybox-static:i386 busybox-i386; continue ;;
    gnumach) unpack gnumach-image-1.8-xen-486:i386 gnumach; continue ;;
    linux-686) meta=linux-image-686-pae:i386 ;;
    cloud) meta=linux-image-cloud-amd64 ;;
    generic) meta=linux-image-amd64 ;;
    *) unpack "$name"; continue ;;
    esac
    link=linux-${name#linux-}
    compgen -G "$cache/$link/boot/vmlinuz-*" >/dev/null && [ $refresh = no ] && continue
    need_apt "$meta"
    package=$(kernel_of $meta)
    [ -n "$package" ] || { update; package=$(kernel_of $meta); }
    [ -n "$package" ] || skip "apt knows no $meta"
    unpack "$package"
    ln -sfn "$package" "$cache/$link"
done
