# What table.awk and table-pv.awk share: time[engine, row, round] holds seconds.

function name_parts(file,   n, parts, base) {
    n = split(file, parts, "/")
    base = parts[n]
    sub(/\.log$/, "", base)
    round = base
    sub(/-.*/, "", round)
    engine = base
    sub(/^[0-9]*-/, "", engine)
}

# Median of values[1..n], which it sorts.
function median(values, n,   i, k, t) {
    for (i = 2; i <= n; i++) {
        t = values[i]
        for (k = i - 1; k >= 1 && values[k] > t; k--)
            values[k + 1] = values[k]
        values[k + 1] = t
    }
    return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
}

# Median seconds of an engine's row, or -1 if no round has it.
function seconds_of(which, row,   r, n, v) {
    for (r = 1; r <= rounds; r++)
        if ((which, row, r) in time)
            v[++n] = time[which, row, r]
    return n ? median(v, n) : -1
}

function ratio_of(above, below, row,   r, n, v) {
    for (r = 1; r <= rounds; r++)
        if (((above, row, r) in time) && ((below, row, r) in time) && time[below, row, r] > 0)
            v[++n] = time[above, row, r] / time[below, row, r]
    return n ? median(v, n) : -1
}

function ratio(value) { return value < 0 ? "-" : sprintf(value < 10 ? "%.2f" : "%.1f", value) }

function say(line) {
    print line
    if (markdown != "")
        print line >markdown
}
function complain(text) {
    print name ": " text >"/dev/stderr"
    bad = 1
}
