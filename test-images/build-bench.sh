#!/bin/bash
# Builds the guest benchmark: test-images/build-bench.sh [OUT]
#
# OUT is a folder, by default test-images/target/bench. It gets three static programs: bench (all kernels; see
# docs/benchmarks.md), tiny (what bench executes) and io (disks and networks; bench-pv.sh runs it). Nothing is done if
# they are newer than their sources.
# Exit status: 77 without gcc or a static libc (packages gcc and libc6-dev), 1 if a source does not compile.
set -uo pipefail
here=$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")
case ${1:-} in
-h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit ;;
esac
out=${1:-$here/target/bench}
source=$here/src/bench
functions=5000 files=20

skip() { echo "build-bench: $*" >&2; exit 77; }

if [ -x "$out/bench" ] && [ -z "$(find "$source" "$here/build-bench.sh" -newer "$out/bench" -print -quit)" ]; then
    exit 0
fi
for tool in gcc awk; do
    type -P $tool >/dev/null || skip "no $tool here (apt-get install gcc libc6-dev)"
done
[ "$(uname -m)" = x86_64 ] || skip "the kernels are x86-64 code, and this host is $(uname -m)"
echo "build-bench: building the kernels into $out (takes a minute)" >&2
mkdir -p "$out" || exit 1
objects=$(mktemp -d "$out/objects.XXXXXX") || exit 1
trap 'rm -rf "$objects"' EXIT
echo 'int main(void) { return 0; }' | gcc -static -o "$objects/probe" -x c - 2>/dev/null \
    || skip "gcc cannot link a static program (apt-get install libc6-dev)"

# The baseline instruction set, so that each engine gets the same code, whatever the compiler's default is.
flags=(-std=gnu11 -O2 -march=x86-64 -mtune=generic -ffp-contract=off -fno-pie -fno-stack-protector -fcf-protection=none
    -Wall -Wextra -Werror)
# compile NAME FLAG...: one source into its object
compile() {
    local name=$1
    shift
    gcc "${flags[@]}" "$@" -c -o "$objects/$name.o" "$source/$name.c"
}
set -e
compile main
# The loops are to stay loops: neither vectors nor calls of memcpy.
compile integer -fno-tree-vectorize -fno-tree-loop-distribute-patterns
compile float -fno-math-errno
compile string -fno-builtin
compile system -pthread
compile once
for ((i = 0; i < files; i++)); do
    first=$((functions / files * i)) last=$((functions / files * (i + 1)))
    awk -v FIRST=$first -v LAST=$last -f "$source/once.awk" >"$objects/o$i.c"
    gcc "${flags[@]}" -fno-strict-aliasing -c -o "$objects/o$i.o" "$objects/o$i.c"
done
awk -v TABLE=1 -v LAST=$functions -f "$source/once.awk" >"$objects/table.c"
gcc "${flags[@]}" -c -o "$objects/table.o" "$objects/table.c"
gcc "${flags[@]}" -nostdlib -static -s -o "$out/tiny" "$source/tiny.c"
gcc "${flags[@]}" -static -s -o "$out/io" "$source/io.c"
gcc -static -no-pie -pthread -s -o "$objects/bench" "$objects"/*.o
mv "$objects/bench" "$out/bench"
