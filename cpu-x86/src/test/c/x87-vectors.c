/*
 * Test vectors for x87 instructions, measured on the CPU that runs this program.
 *
 *   gcc -O1 -o x87-vectors x87-vectors.c
 *   x87-vectors COUNT [SEED [OP]]        text, one vector a line
 *   x87-vectors -b COUNT [SEED [OP]]     112-byte binary records, for long runs
 *
 * Before the instruction: FNINIT, ST(1) = b, ST(0) = a, a memory operand of 10 bytes, control word cw.
 * A text line, all but the name in hex: op cw a.se a.sig b.se b.sig mem.high mem.low
 *                                       st0.se st0.sig st1.se st1.sig mem.high mem.low sw flags
 * where flags is EFLAGS after FCOMI and FUCOMI.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t u64;
typedef uint32_t u32;

static u64 state;
static u64 rnd(void) {
    u64 z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}
static u32 below(u32 n) { return (u32) (rnd() >> 33) % n; }

struct f80 { u64 sig; u64 se; };
static struct call {
    struct f80 a, b, m;
    u64 flags, cw;
    uint8_t image[112];
} x;
#define RUN(name, insn)                                                                                              \
    static void name(void) {                                                                                         \
        asm volatile("fninit\n fldt %[b]\n fldt %[a]\n fldcw %[cw]\n " insn "\n pushfq\n popq %[fl]\n fnsave %[im]\n"  \
                     : [fl] "=m"(x.flags), [im] "=m"(x.image), [m] "+m"(x.m)                                         \
                     : [a] "m"(x.a), [b] "m"(x.b), [cw] "m"(x.cw)                                                    \
                     : "memory", "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)");         \
    }

/* AT&T's fsub and fsubr are swapped only for a destination other than st. */
RUN(fadd, "fadd %%st(1),%%st") RUN(fsub, "fsub %%st(1),%%st") RUN(fsubr, "fsubr %%st(1),%%st")
RUN(fmul, "fmul %%st(1),%%st") RUN(fdiv, "fdiv %%st(1),%%st") RUN(fdivr, "fdivr %%st(1),%%st")
RUN(fadd32, "fadds %[m]") RUN(fadd64, "faddl %[m]") RUN(fiadd16, "fiadds %[m]") RUN(fiadd32, "fiaddl %[m]")
RUN(fmul32, "fmuls %[m]") RUN(fdivr64, "fdivrl %[m]")
RUN(fsqrt, "fsqrt") RUN(frndint, "frndint") RUN(fscale, "fscale") RUN(fxtract, "fxtract")
RUN(fprem, "fprem") RUN(fprem1, "fprem1") RUN(fxam, "fxam") RUN(fabs_, "fabs") RUN(fchs, "fchs") RUN(ftst, "ftst")
RUN(fcom, "fcom") RUN(fucom, "fucom") RUN(fcomi, "fcomi %%st(1),%%st") RUN(fucomi, "fucomi %%st(1),%%st")
RUN(fcom32, "fcoms %[m]") RUN(fcom64, "fcoml %[m]") RUN(ficom16, "ficoms %[m]") RUN(ficom32, "ficoml %[m]")
RUN(fld32, "flds %[m]") RUN(fld64, "fldl %[m]") RUN(fild16, "filds %[m]") RUN(fild32, "fildl %[m]")
RUN(fild64, "fildll %[m]") RUN(fbld, "fbld %[m]")
RUN(fst32, "fsts %[m]") RUN(fst64, "fstl %[m]") RUN(fist16, "fists %[m]") RUN(fist32, "fistl %[m]")
RUN(fistp64, "fistpll %[m]") RUN(fisttp16, "fisttps %[m]") RUN(fisttp32, "fisttpl %[m]")
RUN(fisttp64, "fisttpll %[m]") RUN(fbstp, "fbstp %[m]")
RUN(fldpi, "fldpi") RUN(fldl2t, "fldl2t") RUN(fldl2e, "fldl2e") RUN(fldlg2, "fldlg2") RUN(fldln2, "fldln2")
RUN(f2xm1, "f2xm1") RUN(fyl2x, "fyl2x") RUN(fyl2xp1, "fyl2xp1") RUN(fptan, "fptan") RUN(fpatan, "fpatan")
RUN(fsin_, "fsin") RUN(fcos_, "fcos") RUN(fsincos, "fsincos")

/* a: how ST(0) is chosen: g any, i near the integers, u below one, t trigonometric, l logarithm, 3/6 near a format. */
static const struct op { const char *name; void (*run)(void); char a, m; int weight; } ops[] = {
#define E(name, a, m, w) {#name, name, a, m, w},
    E(fadd, 'g', 0, 4) E(fsub, 'g', 0, 3) E(fsubr, 'g', 0, 1) E(fmul, 'g', 0, 4) E(fdiv, 'g', 0, 4) E(fdivr, 'g', 0, 1)
    E(fadd32, 'g', 's', 1) E(fadd64, 'g', 'd', 1) E(fiadd16, 'g', 'i', 1) E(fiadd32, 'g', 'i', 1)
    E(fmul32, 'g', 's', 1) E(fdivr64, 'g', 'd', 1)
    E(fsqrt, 'g', 0, 4) E(frndint, 'i', 0, 2) E(fscale, 'g', 0, 3) E(fxtract, 'g', 0, 1)
    E(fprem, 'g', 0, 3) E(fprem1, 'g', 0, 3) E(fxam, 'g', 0, 1)
    {"fabs", fabs_, 'g', 0, 1}, E(fchs, 'g', 0, 1) E(ftst, 'g', 0, 1)
    E(fcom, 'g', 0, 2) E(fucom, 'g', 0, 1) E(fcomi, 'g', 0, 1) E(fucomi, 'g', 0, 1)
    E(fcom32, 'g', 's', 1) E(fcom64, 'g', 'd', 1) E(ficom16, 'i', 'i', 1) E(ficom32, 'i', 'i', 1)
    E(fld32, 'g', 's', 1) E(fld64, 'g', 'd', 1) E(fild16, 'g', 'i', 1) E(fild32, 'g', 'i', 1) E(fild64, 'g', 'i', 1)
    E(fbld, 'g', 'b', 1)
    E(fst32, '3', 'i', 3) E(fst64, '6', 'i', 3) E(fist16, 'i', 'i', 2) E(fist32, 'i', 'i', 2) E(fistp64, 'i', 'i', 2)
    E(fisttp16, 'i', 'i', 1) E(fisttp32, 'i', 'i', 1) E(fisttp64, 'i', 'i', 1) E(fbstp, 'i', 'i', 2)
    E(fldpi, 'g', 0, 1) E(fldl2t, 'g', 0, 1) E(fldl2e, 'g', 0, 1) E(fldlg2, 'g', 0, 1) E(fldln2, 'g', 0, 1)
    /* Results differ between processors by a unit in the last place: only on demand, OP "transcendental". */
    E(f2xm1, 'u', 0, -1) E(fyl2x, 'l', 0, -1) E(fyl2xp1, 'u', 0, -1) E(fptan, 't', 0, -1) E(fpatan, 'g', 0, -1)
    {"fsin", fsin_, 't', 0, -1}, {"fcos", fcos_, 't', 0, -1}, E(fsincos, 't', 0, -1)
};
#define OPS (sizeof ops / sizeof *ops)

static u64 fraction(void) {
    u64 m = rnd();
    int cut = below(3);
    switch (below(8)) {
        case 0: m &= ~0ull << below(64); break;
        case 1: m |= ~0ull >> below(64); break;
        case 2: m = ~(1ull << below(63)); break;
        case 3: m = 1ull << below(63); break;
        case 4: /* near halfway of a shorter format */
            cut = cut == 0 ? 40 : cut == 1 ? 11 : 1 + below(60);
            m = (m & (~0ull << cut)) | (below(2) ? 1ull << (cut - 1) : 0);
            if (below(3) == 0) m += below(3) - 1;
            break;
        default: break;
    }
    return m | 1ull << 63;
}

static struct f80 extended(const struct f80 *other) {
    u64 sign = (rnd() & 1) << 15, sig = fraction();
    u32 e;
    switch (below(18)) {
        case 0: return (struct f80) {0, sign};
        case 1: return (struct f80) {1ull << 63, sign | 0x7fff};
        case 2: return (struct f80) {sig | 1ull << 62, sign | 0x7fff};
        case 3: return (struct f80) {sig & ~(1ull << 62), sign | 0x7fff};
        case 4: return (struct f80) {sig >> (1 + below(63)), sign};
        case 5: return (struct f80) {sig, sign | (1 + below(70))};
        case 6: return (struct f80) {sig, sign | (0x7ffe - below(70))};
        case 7:
            if (below(3)) return (struct f80) {sig, sign | (below(2) ? 0 : below(0x7fff))};
            return (struct f80) {sig & ~(1ull << 63), sign | (below(2) ? 0x7fff : below(0x8000))};
        case 8: e = below(0x7fff); break;
        case 9: e = 0x3fff; sig &= ~0ull << 60; break;
        case 10: e = 0x3fff / 2 + below(140) - 70; break;
        case 11: e = 0x5ffe + below(140) - 70; break;
        case 12: case 13:
            if (other) {
                e = (other->se + below(9) - 4) & 0x7fff;
                sig = below(2) ? sig : other->sig ^ (below(2) ? below(8) : 0);
                if (e == 0x7fff) e--;
                return (struct f80) {sig | 1ull << 63, sign | e};
            } /* fallthrough */
        default: e = 0x3fff + below(150) - 75; break;
    }
    return (struct f80) {sig, sign | (e ? e : 1)};
}

static struct f80 near(u32 low, u32 high) {
    if (below(4) == 0) return extended(0);
    return (struct f80) {fraction(), (rnd() & 1) << 15 | (low + below(high - low))};
}

static struct f80 first(char kind) {
    switch (kind) {
        case 'i': return near(0x3fff - 5, 0x3fff + 66);
        case 'u': return near(0x3fff - (below(4) ? 12 : 75), 0x3fff);
        case 't': return near(0x3fff - (below(4) ? 8 : 75), 0x3fff + (below(4) ? 6 : 65));
        case 'l': return below(3) ? near(0x3fff - 1, 0x3fff + 1) : extended(0);
        case '3': return near(0x3fff - (below(2) ? 155 : 128), 0x3fff + (below(2) ? 20 : 130));
        case '6': return near(0x3fff - (below(2) ? 1080 : 1024), 0x3fff + (below(2) ? 20 : 1026));
        default: return extended(0);
    }
}

static struct f80 memory(char kind) {
    struct f80 m = {rnd(), rnd() & 0xffff};
    u64 frac, shift = below(2) ? 0 : below(52);
    switch (kind) {
        case 's':
            frac = rnd() & 0x7fffff & (~0ull << shift % 24);
            switch (below(8)) {
                case 0: m.sig = 0; break;
                case 1: m.sig = 0x7f800000; break;
                case 2: m.sig = 0x7f800000 | frac; break;
                case 3: m.sig = frac; break;
                default: m.sig = rnd() & 0x7f800000; m.sig |= frac;
            }
            m.sig |= (rnd() & 1) << 31;
            break;
        case 'd':
            frac = rnd() & 0xfffffffffffffull & (~0ull << shift);
            switch (below(8)) {
                case 0: m.sig = 0; break;
                case 1: m.sig = 0x7ffull << 52; break;
                case 2: m.sig = 0x7ffull << 52 | frac; break;
                case 3: m.sig = frac; break;
                default: m.sig = (rnd() & 0x7ffull << 52) | frac;
            }
            m.sig |= (rnd() & 1) << 63;
            break;
        case 'i':
            m.sig = (u64) ((int64_t) m.sig >> below(64));
            break;
        case 'b': /* valid digits: what others give is undefined */
            m.sig = 0;
            for (int i = 0; i < 64; i += 4) m.sig |= (u64) below(10) << i;
            m.sig &= ~0ull >> (below(3) ? 0 : below(64));
            m.se = (rnd() & 1) << 15 | (below(3) ? below(10) << 4 | below(10) : 0);
            for (int i = 0; i < 64; i += 4)
                if ((m.sig >> i & 15) > 9) m.sig &= ~(8ull << i);
            break;
        default: break;
    }
    return m;
}

int main(int argc, char **argv) {
    int binary = argc > 1 && !strcmp(argv[1], "-b");
    argc -= binary;
    argv += binary;
    u64 count = argc > 1 ? strtoull(argv[1], 0, 0) : 1000;
    state = argc > 2 ? strtoull(argv[2], 0, 0) : 1;
    const char *only = argc > 3 ? argv[3] : "";
    if (!binary) printf("# op cw a b mem : st0 st1 mem sw flags; seed %llu\n", (unsigned long long) state);
    for (u64 i = 0; i < count;) {
        const struct op *op = &ops[below(OPS)];
        if (op->weight < 0 ? strcmp(only, "transcendental") && (!*only || strcmp(only, op->name))
                           : strncmp(op->name, only, strlen(only)) || (int) below(4) >= op->weight)
            continue;
        i++;
        x.a = first(op->a);
        x.b = extended(below(3) ? &x.a : 0);
        if (op->run == fscale && below(4)) x.b = near(0x3fff - 3, 0x3fff + 17);
        if (op->run == fyl2x) x.a.se &= below(16) ? 0x7fff : 0xffff;
        x.m = memory(op->m);
        x.cw = 0x37f;
        if (below(2)) x.cw |= below(4) << 10;
        if (below(2)) x.cw = (x.cw & ~0x300ull) | (below(2) ? 0x200 : 0);
        if (below(10) == 0) x.cw &= ~(1ull << below(6));
        if (below(40) == 0) x.cw &= ~(u64) below(64);
        struct f80 m = x.m;
        op->run();
        struct f80 st0 = {0, 0}, st1 = {0, 0};
        memcpy(&st0.sig, x.image + 28, 8);
        memcpy(&st0.se, x.image + 36, 2);
        memcpy(&st1.sig, x.image + 38, 8);
        memcpy(&st1.se, x.image + 46, 2);
        uint16_t sw;
        memcpy(&sw, x.image + 4, 2);
        x.m.se &= 0xffff;
        if (binary) {
            char name[16] = {0};
            strncpy(name, op->name, 15);
            u64 rec[12] = {x.a.sig, x.b.sig, m.sig, st0.sig, st1.sig, x.m.sig,
                           x.a.se | x.b.se << 16 | m.se << 32 | x.cw << 48, st0.se | st1.se << 16 | x.m.se << 32,
                           sw | (x.flags & 0x8d5) << 32};
            fwrite(name, 16, 1, stdout);
            fwrite(rec, 8, 12, stdout);
        } else {
            printf("%s %x %x %llx %x %llx %x %llx %x %llx %x %llx %x %llx %x %x\n", op->name, (u32) x.cw,
                   (u32) x.a.se, (unsigned long long) x.a.sig, (u32) x.b.se, (unsigned long long) x.b.sig, (u32) m.se,
                   (unsigned long long) m.sig, (u32) st0.se, (unsigned long long) st0.sig, (u32) st1.se,
                   (unsigned long long) st1.sig, (u32) x.m.se, (unsigned long long) x.m.sig, sw,
                   (u32) (x.flags & 0x8d5));
        }
    }
    return 0;
}
