# Reads the logs of bench-pv.sh (ROUND-ENGINE-PART.log: microseconds, a tab, a line of a console), writes the table.
# median.awk comes before it.

function cell(which, row, mib,   s) {
    s = seconds_of(which, row)
    if (s < 0)
        return "-"
    return mib ? sprintf("%.2f s (%.0f MB/s)", s, mib * 1.048576 / s) : sprintf("%.2f s", s)
}

BEGIN {
    FS = "\t"
    split("boot/power-on-to-init=power-on to init;system/getppid=800,000 system calls (getppid);" \
        "system/fork-wait=500 forks, each child awaited;system/page-fault=30,720 page faults;" \
        "system/pipe-pingpong=4,000 round trips over two pipes;disk/read=" disk " MiB read from a disk;" \
        "net/nat-fetch=" net " MiB over TCP from the host, NAT;net/nat-send=" net " MiB over TCP to the host, NAT;" \
        "net/domains=" net " MiB over TCP from guest to guest, bridge", pairs, ";")
    for (i in pairs)
        title[substr(pairs[i], 1, index(pairs[i], "=") - 1)] = substr(pairs[i], index(pairs[i], "=") + 1)
}
FNR == 1 {
    name_parts(FILENAME)
    part = engine
    sub(/-.*/, "", engine)
    sub(/.*-/, "", part)
    begun = ""
}
{
    line = $0
    sub(/^[0-9]*\t/, "", line)
    sub(/^\[[a-z]*\] /, "", line)
    split(line, word, " ")
}
# Firmware's escape sequences may stand before it.
part == "cpu" && line ~ /BENCH-UP$/ { time[engine, "boot/power-on-to-init", round] = $1 / 1e6 }
word[1] == "BENCH-FAILED" { complain(line " in " FILENAME) }
word[1] == "BENCH-BEGIN" { begun = word[2]; at = $1 }
word[1] == "BENCH-END" && word[2] == begun {
    time[engine, begun, round] = ($1 - at) / 1e6
    if (!(begun in right))
        right[begun] = word[3]
    else if (right[begun] != word[3])
        complain(begun ": checksum " word[3] " from " engine " in round " round ", elsewhere " right[begun])
    begun = ""
}

END {
    count = split(rows, row_list, " ")
    used = split(engines, engine_list, ",")
    say("CPU " cpu "; guest kernel " kernel ", " memory " MiB, one vCPU; QEMU " qemu ", TCG; rounds: " rounds \
        ". Seconds and ratios are medians over the rounds.")
    say("")
    say("| | QEMU TCG | Xenolith PVH | Xenolith PV | PVH / TCG | PV / TCG |")
    say("|---|---|---|---|---|---|")
    for (i = 1; i <= count; i++) {
        row = row_list[i]
        mib = row ~ /^disk/ ? disk : row ~ /^net/ ? net : 0
        say("| " title[row] " | " cell("qemu", row, mib) " | " cell("pvh", row, mib) " | " cell("pv", row, mib) " | " \
            ratio(ratio_of("pvh", "qemu", row)) " | " ratio(ratio_of("pv", "qemu", row)) " |")
        for (e = 1; e <= used; e++)
            for (r = 1; r <= rounds; r++)
                if (!((engine_list[e], row, r) in time) && !(row == "net/domains" && engine_list[e] == "qemu"))
                    complain(row ": no result of " engine_list[e] " in round " r)
    }
    exit bad
}
