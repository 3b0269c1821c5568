# What bench.sh and bench-pv.sh share; sourced. They set log (a folder) and limit (seconds of one run).
# shellcheck shell=bash disable=SC2154
name=${0##*/} name=${name%.sh}
wrong() { echo "$name: $*; see $0 --help" >&2; exit 64; }
skip() { echo "$name: $*" >&2; exit 77; }
number() { [[ $2 =~ ^[1-9][0-9]{0,6}$ ]] || wrong "$1 takes a number from 1, not '$2'"; }

# measure ENGINE ROUND: runs the array that 'command ENGINE' sets; its log has one line for each line of output:
# microseconds, a tab, the line.
# Lines "peak KIB" give the largest resident memory of the process so far.
measure() {
    local engine=$1 file=$log/$2-$1 start now line pid child peak key value
    command "$engine"
    start=${EPOCHREALTIME/./}
    exec {output}< <(exec timeout -k 5 "$limit" "${command[@]}" 2>"$file.err" </dev/null)
    pid=$!
    while IFS= read -r -u $output line; do
        now=${EPOCHREALTIME/./}
        printf '%d\t%s\n' $((now - start)) "${line%$'\r'}"
        case $line in
        BENCH-END*)     # no subprocess here: the next line may be on its way
            child='' peak=''
            { read -r child _ <"/proc/$pid/task/$pid/children"; } 2>/dev/null
            { while read -r key value _; do
                [ "$key" != VmHWM: ] || { peak=$value; break; }
            done <"/proc/${child:-none}/status"; } 2>/dev/null
            [ -z "$peak" ] || printf '%d\tpeak %d\n' $((now - start)) "$peak"
            ;;
        esac
    done >"$file.log"
    exec {output}<&-
    wait $pid
    local status=$?
    if [ $status -ne 0 ] || ! grep -q $'[\t ]BENCH-DONE$' "$file.log"; then
        echo "$name: $engine, round $2: status $status before all rows were done; see $file.log and $file.err" >&2
        tail -n 3 "$file.err" >&2
    fi
}
