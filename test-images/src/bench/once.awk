# Writes C: functions FIRST to LAST of those that run once, or, with TABLE=1, the table of LAST functions.
# Each is different, has some hundred instructions, and takes and gives the running value. The same text each time.
function random(below) {
    seed = seed * 16807 % 2147483647
    return seed % below
}
function cell() { return "c[" random(64) "]" }
function constant() { return (random(2000000000) + 3) "u" }
function statement(kind) {
    kind = random(9)
    if (kind == 0) return "a += " cell() " * " constant() ";"
    if (kind == 1) return "b ^= a >> " random(60) + 1 ";"
    if (kind == 2) return "if (a & " random(4096) + 1 "u) " cell() " += b; else " cell() " ^= a + " constant() ";"
    if (kind == 3) return cell() " = a + b;"
    if (kind == 4) return "a = (a << 7 | a >> 57) - b;"
    if (kind == 5) return cell() " ^= (uint32_t) b * " constant() ";"
    if (kind == 6) return "((unsigned char *) c)[" random(512) "] += (unsigned char) a;"
    if (kind == 7) return "b += (int64_t) a < (int64_t) " cell() " ? " constant() " : a;"
    return "((uint32_t *) c)[" random(128) "] -= (uint32_t) (a ^ b);"
}
BEGIN {
    print "#include <stdint.h>"
    if (TABLE) {
        for (i = 0; i < LAST; i++)
            print "uint64_t once_" i "(uint64_t, uint64_t *);"
        print "extern const unsigned once_count;\nconst unsigned once_count = " LAST ";"
        print "extern uint64_t (*const once_functions[])(uint64_t, uint64_t *);"
        print "uint64_t (*const once_functions[])(uint64_t, uint64_t *) = {"
        for (i = 0; i < LAST; i++)
            print "    once_" i ","
        print "};"
        exit
    }
    for (i = FIRST; i < LAST; i++) {
        seed = i * 7919 + 12345
        for (k = 0; k < 5; k++)
            random(2)
        print "uint64_t once_" i "(uint64_t, uint64_t *);\nuint64_t once_" i "(uint64_t a, uint64_t *c)\n{"
        print "    uint64_t b = " cell() " + " i ";"
        for (k = random(16) + 16; k > 0; k--)
            print "    " statement()
        print "    return a ^ b;\n}"
    }
}
