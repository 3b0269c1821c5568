# Reads the logs of bench.sh (ROUND-ENGINE.log: microseconds, a tab, a line of the console), writes table and JSON.
# A row's ratio is the median over the rounds of (Xenolith's time / QEMU's time in the same round).

function seconds(value) { return value < 0 ? "-" : sprintf("%.3f", value) }
function quote(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    gsub(/[\001-\037]/, " ", text)
    return "\"" text "\""
}
function number(value) { return value < 0 ? "null" : sprintf("%.6g", value) }
BEGIN { FS = "\t" }
FNR == 1 {
    name_parts(FILENAME)
    begun = ""
}
{ line = $0; sub(/^[0-9]*\t/, "", line); split(line, word, " ") }
# Firmware's escape sequences may stand before it.
line ~ /BENCH-UP$/ && engine != "host" && !((engine, "boot/power-on-to-init", round) in time) {
    time[engine, "boot/power-on-to-init", round] = $1 / 1e6
}
word[1] == "BENCH-BEGIN" { begun = word[2]; at = $1 }
word[1] == "BENCH-END" && word[2] == begun {
    time[engine, begun, round] = ($1 - at) / 1e6
    sum[engine, begun, round] = word[3]
    if (!(begun in right))
        right[begun] = word[3]
    else if (right[begun] != word[3]) {
        complain(begun ": checksum " word[3] " from " engine " in round " round ", elsewhere " right[begun])
        differs[begun] = 1
    }
    begun = ""
}
word[1] == "peak" && word[2] + 0 > peak[engine] + 0 { peak[engine] = word[2] + 0 }

END {
    used = split(engines, engine_list, ",")
    count = split(rows, row_list, " ")
    guests = engines ~ /qemu/ && engines ~ /xenolith/
    if (engines ~ /qemu|xenolith/) {
        for (i = count; i >= 1; i--)
            row_list[i + 1] = row_list[i]
        row_list[1] = "boot/power-on-to-init"
        count++
    }
    # The most that each class and its worst row may take, as a multiple of TCG's time.
    split("boot 1 integer 0.5 float 0.15 string 0.2 system 0.5 once 1.5", aims, " ")
    for (i = 1; i in aims; i += 2)
        aim[aims[i]] = aims[i + 1]
    worst_aim["integer"] = 1

    say("CPU " cpu "; guest kernel " kernel ", " memory " MiB, one vCPU; QEMU " qemu ", TCG; Xenolith tier " tier \
        "; rounds: " rounds ", scale: " scale " %. Seconds and ratios are medians over the rounds.")
    say("")
    say("| row | host, s | QEMU, s | Xenolith, s | QEMU / host | Xenolith / host | Xenolith / QEMU |")
    say("|---|---|---|---|---|---|---|")
    for (i = 1; i <= count; i++) {
        row = row_list[i]
        class = row
        sub(/\/.*/, "", class)
        h = seconds_of("host", row)
        q = seconds_of("qemu", row)
        x = seconds_of("xenolith", row)
        main_ratio = ratio_of("xenolith", "qemu", row)
        note = row in differs ? " **wrong checksum**" : ""
        say("| " row note " | " seconds(h) " | " seconds(q) " | " seconds(x) " | " \
            ratio(ratio_of("qemu", "host", row)) " | " ratio(ratio_of("xenolith", "host", row)) " | " \
            ratio(main_ratio) " |")
        for (e = 1; e <= used; e++)
            for (r = 1; r <= rounds; r++)
                if (!((engine_list[e], row, r) in time) && (class != "boot" || engine_list[e] != "host"))
                    complain(row ": no result of " engine_list[e] " in round " r)
        rows_json = rows_json (i > 1 ? ",\n" : "") "    {\"row\": " quote(row) ", \"class\": " quote(class) \
            ", \"checksum\": " (row in right ? quote(right[row]) : "null") \
            ", \"equal\": " (row in differs ? "false" : "true")
        for (e = 1; e <= used; e++) {
            rows_json = rows_json ", \"" engine_list[e] "_s\": ["
            for (r = 1; r <= rounds; r++)
                rows_json = rows_json (r > 1 ? ", " : "") \
                    (((engine_list[e], row, r) in time) ? number(time[engine_list[e], row, r]) : "null")
            rows_json = rows_json "]"
        }
        rows_json = rows_json ", \"xenolith_qemu\": " number(main_ratio) "}"
        if (main_ratio > 0 && class in aim) {
            if (!(class in members))
                class_list[++classes] = class
            members[class]++
            logs[class] += log(main_ratio)
            if (main_ratio > worst[class]) {
                worst[class] = main_ratio
                worst_row[class] = row
            }
        }
    }
    if (classes) {
        say("")
        say("| class | rows | Xenolith / QEMU, geometric mean | at most | worst row | its ratio | at most |")
        say("|---|---|---|---|---|---|---|")
        for (i = 1; i <= classes; i++) {
            class = class_list[i]
            mean = exp(logs[class] / members[class])
            met = mean <= aim[class] && (!(class in worst_aim) || worst[class] <= worst_aim[class])
            say("| " class " | " members[class] " | " ratio(mean) " | " aim[class] " | " worst_row[class] " | " \
                ratio(worst[class]) " | " (class in worst_aim ? worst_aim[class] : "") " |")
            classes_json = classes_json (i > 1 ? ",\n" : "") "    {\"class\": " quote(class) \
                ", \"rows\": " members[class] \
                ", \"geometric_mean\": " number(mean) ", \"at_most\": " aim[class] \
                ", \"worst\": " quote(worst_row[class]) \
                ", \"worst_ratio\": " number(worst[class]) ", \"met\": " (met ? "true" : "false") "}"
        }
    }
    if (peak["qemu"] || peak["xenolith"]) {
        say("")
        say("Peak resident memory of the process: QEMU " int(peak["qemu"] / 1024) " MiB, Xenolith " \
            int(peak["xenolith"] / 1024) " MiB.")
    }
    if (json != "") {
        print "{\n  \"cpu\": " quote(cpu) ",\n  \"kernel\": " quote(kernel) ",\n  \"qemu\": " quote(qemu) \
            ",\n  \"tier\": " quote(tier) ",\n  \"rounds\": " rounds ",\n  \"scale_percent\": " scale \
            ",\n  \"memory_mib\": " memory ",\n  \"peak_mib\": {\"qemu\": " int(peak["qemu"] / 1024) \
            ", \"xenolith\": " int(peak["xenolith"] / 1024) "},\n  \"rows\": [\n" rows_json \
            "\n  ],\n  \"classes\": [\n" classes_json "\n  ]\n}" >json
    }
    exit bad
}
