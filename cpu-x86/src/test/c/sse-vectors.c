/*
 * Test vectors for scalar SSE/AVX floating point, measured on the CPU that runs this program.
 *
 *   gcc -O1 -o sse-vectors sse-vectors.c
 *   sse-vectors COUNT [SEED [OP]]        text, one vector a line
 *   sse-vectors -b COUNT [SEED [OP]]     56-byte binary records, for long runs
 *
 * A text line: op mxcsr a b c result status trapped (all but the name in hex).  The status is the MXCSR after the
 * instruction, or EFLAGS ZF/PF/CF << 16 | MXCSR for the ordered compares.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

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

static volatile u32 trapStatus;
static sigjmp_buf trap;
static void onFpe(int sig, siginfo_t *info, void *context) {
    (void) sig;
    (void) info;
    trapStatus = ((ucontext_t *) context)->uc_mcontext.fpregs->mxcsr;
    siglongjmp(trap, 1);
}

struct call { u64 a, b, c, result; u32 mxcsr, status; u64 flags; };
#define REST "ldmxcsr %[dflt]\n"
static const u32 defaultMxcsr = 0x1f80;
/* xmm0 = a, xmm1 = b, xmm2 = c; result from xmm0. */
#define XMM(insn)                                                                                                    \
    asm volatile("movq %[a],%%xmm0\n movq %[b],%%xmm1\n movq %[c],%%xmm2\n ldmxcsr %[in]\n" insn                     \
                 "\n stmxcsr %[out]\n" REST "movq %%xmm0,%[r]\n"                                                     \
                 : [r] "=m"(x->result), [out] "=m"(x->status)                                                        \
                 : [a] "m"(x->a), [b] "m"(x->b), [c] "m"(x->c), [in] "m"(x->mxcsr), [dflt] "m"(defaultMxcsr)         \
                 : "xmm0", "xmm1", "xmm2", "rax", "memory")
#define GPR(insn)                                                                                                    \
    asm volatile("movq %[a],%%xmm0\n ldmxcsr %[in]\n" insn "\n stmxcsr %[out]\n" REST "movq %%rax,%[r]\n"            \
                 : [r] "=m"(x->result), [out] "=m"(x->status)                                                        \
                 : [a] "m"(x->a), [in] "m"(x->mxcsr), [dflt] "m"(defaultMxcsr)                                       \
                 : "xmm0", "rax", "memory")
#define FLG(insn)                                                                                                    \
    asm volatile("movq %[a],%%xmm0\n movq %[b],%%xmm1\n ldmxcsr %[in]\n" insn                                        \
                 "\n pushfq\n popq %%rax\n stmxcsr %[out]\n" REST "movq %%rax,%[r]\n"                                \
                 : [r] "=m"(x->flags), [out] "=m"(x->status)                                                         \
                 : [a] "m"(x->a), [b] "m"(x->b), [in] "m"(x->mxcsr), [dflt] "m"(defaultMxcsr)                        \
                 : "xmm0", "xmm1", "rax", "memory", "cc");                                                           \
    x->result = x->flags & 0x8d5
#define OP(name, body)                                                                                               \
    static void name(struct call *x) { body; }

OP(add32, XMM("addss %%xmm1,%%xmm0")) OP(add64, XMM("addsd %%xmm1,%%xmm0"))
OP(sub32, XMM("subss %%xmm1,%%xmm0")) OP(sub64, XMM("subsd %%xmm1,%%xmm0"))
OP(mul32, XMM("mulss %%xmm1,%%xmm0")) OP(mul64, XMM("mulsd %%xmm1,%%xmm0"))
OP(div32, XMM("divss %%xmm1,%%xmm0")) OP(div64, XMM("divsd %%xmm1,%%xmm0"))
OP(min32, XMM("minss %%xmm1,%%xmm0")) OP(min64, XMM("minsd %%xmm1,%%xmm0"))
OP(max32, XMM("maxss %%xmm1,%%xmm0")) OP(max64, XMM("maxsd %%xmm1,%%xmm0"))
OP(sqrt32, XMM("sqrtss %%xmm0,%%xmm0")) OP(sqrt64, XMM("sqrtsd %%xmm0,%%xmm0"))
OP(comi32, FLG("comiss %%xmm1,%%xmm0")) OP(comi64, FLG("comisd %%xmm1,%%xmm0"))
OP(ucomi32, FLG("ucomiss %%xmm1,%%xmm0")) OP(ucomi64, FLG("ucomisd %%xmm1,%%xmm0"))
OP(f32to64, XMM("cvtss2sd %%xmm0,%%xmm0")) OP(f64to32, XMM("cvtsd2ss %%xmm0,%%xmm0"))
OP(f32toi32, GPR("xorl %%eax,%%eax\n cvtss2si %%xmm0,%%eax")) OP(f32toi64, GPR("cvtss2si %%xmm0,%%rax"))
OP(f64toi32, GPR("xorl %%eax,%%eax\n cvtsd2si %%xmm0,%%eax")) OP(f64toi64, GPR("cvtsd2si %%xmm0,%%rax"))
OP(f32toi32t, GPR("xorl %%eax,%%eax\n cvttss2si %%xmm0,%%eax")) OP(f32toi64t, GPR("cvttss2si %%xmm0,%%rax"))
OP(f64toi32t, GPR("xorl %%eax,%%eax\n cvttsd2si %%xmm0,%%eax")) OP(f64toi64t, GPR("cvttsd2si %%xmm0,%%rax"))
OP(i32tof32, XMM("movl %[a],%%eax\n cvtsi2ss %%eax,%%xmm0")) OP(i64tof32, XMM("movq %[a],%%rax\n cvtsi2ss %%rax,%%xmm0"))
OP(i32tof64, XMM("movl %[a],%%eax\n cvtsi2sd %%eax,%%xmm0")) OP(i64tof64, XMM("movq %[a],%%rax\n cvtsi2sd %%rax,%%xmm0"))
OP(f16to32, XMM("vcvtph2ps %%xmm0,%%xmm0"))
OP(rcp32, XMM("rcpss %%xmm0,%%xmm0")) OP(rsqrt32, XMM("rsqrtss %%xmm0,%%xmm0"))
#define FMA(kind, form)                                                                                              \
    OP(kind##form##_32, XMM("v" #kind #form "ss %%xmm2,%%xmm1,%%xmm0"))                                              \
    OP(kind##form##_64, XMM("v" #kind #form "sd %%xmm2,%%xmm1,%%xmm0"))
#define FORMS(kind) FMA(kind, 132) FMA(kind, 213) FMA(kind, 231)
FORMS(fmadd) FORMS(fmsub) FORMS(fnmadd) FORMS(fnmsub)
#define CMP(n)                                                                                                       \
    OP(cmp32_##n, XMM("vcmpss $" #n ",%%xmm1,%%xmm0,%%xmm0")) OP(cmp64_##n, XMM("vcmpsd $" #n ",%%xmm1,%%xmm0,%%xmm0"))
#define ALL8(M, p) M(p##0) M(p##1) M(p##2) M(p##3) M(p##4) M(p##5) M(p##6) M(p##7)
#define ALL16(M) ALL8(M, ) M(8) M(9) M(10) M(11) M(12) M(13) M(14) M(15)
#define ALL32(M) ALL16(M) M(16) M(17) M(18) M(19) M(20) M(21) M(22) M(23) M(24) M(25) M(26) M(27) M(28) M(29) M(30) M(31)
ALL32(CMP)
#define ROUND(n)                                                                                                     \
    OP(round32_##n, XMM("roundss $" #n ",%%xmm0,%%xmm0")) OP(round64_##n, XMM("roundsd $" #n ",%%xmm0,%%xmm0"))
ALL16(ROUND)
#define HALF(n) OP(f32to16_##n, XMM("vcvtps2ph $" #n ",%%xmm0,%%xmm0"))
ALL8(HALF, )

static const struct op { const char *name; void (*run)(struct call *); char in, operands, bits; } ops[] = {
#define E(name, in, operands, bits) {#name, name, in, operands, bits},
#define E2(name) E(name##32, 's', 2, 32) E(name##64, 'd', 2, 64)
#define E1(name) E(name##32, 's', 1, 32) E(name##64, 'd', 1, 64)
    E2(add) E2(sub) E2(mul) E2(div) E2(add) E2(mul) E2(div) E2(min) E2(max) E1(sqrt) E2(comi) E2(ucomi)
    E(f32to64, 's', 1, 64) E(f64to32, 'd', 1, 32) E(f64to32, 'n', 1, 32)
    E(f32toi32, 's', 1, 32) E(f32toi64, 's', 1, 64) E(f64toi32, 'd', 1, 32) E(f64toi64, 'd', 1, 64)
    E(f32toi32t, 's', 1, 32) E(f32toi64t, 's', 1, 64) E(f64toi32t, 'd', 1, 32) E(f64toi64t, 'd', 1, 64)
    E(i32tof32, 'i', 1, 32) E(i64tof32, 'i', 1, 32) E(i32tof64, 'i', 1, 64) E(i64tof64, 'i', 1, 64)
    E(f16to32, 'h', 1, 32)
#ifdef APPROX
    E(rcp32, 's', 1, 32) E(rsqrt32, 's', 1, 32)
#endif
#define EF(kind, form) E(kind##form##_32, 's', 3, 32) E(kind##form##_64, 'd', 3, 64)
#define EK(kind) EF(kind, 132) EF(kind, 213) EF(kind, 231)
    EK(fmadd) EK(fmsub) EK(fnmadd) EK(fnmsub)
#define EC(n) E(cmp32_##n, 's', 2, 32) E(cmp64_##n, 'd', 2, 64)
    ALL32(EC)
#define ER(n) E(round32_##n, 's', 1, 32) E(round64_##n, 'd', 1, 64)
    ALL16(ER)
#define EH(n) E(f32to16_##n, 'k', 1, 16)
    ALL8(EH, )
};
#define OPS (sizeof ops / sizeof *ops)

/* A value of the format with the given fraction and exponent widths, biased to what goes wrong. */
static u64 value(int frac, int expBits, u64 other, int haveOther) {
    u64 fracMask = (1ull << frac) - 1, top = (1ull << expBits) - 1, bias = top >> 1;
    u64 sign = (rnd() & 1) << (frac + expBits), m = rnd() & fracMask, e;
    switch (below(6)) { /* shape of the significand */
        case 0: m &= fracMask << below(frac + 1); break;
        case 1: m |= fracMask >> below(frac + 1); break;
        case 2: m = fracMask & ~(1ull << below(frac)); break;
        case 3: m = 1ull << below(frac); break;
        default: break;
    }
    switch (below(14)) {
        case 0: return sign;
        case 1: return sign | top << frac;
        case 2: return sign | top << frac | m;
        case 3: return sign | m;
        case 4: return sign | (u64) (1 + below(3)) << frac | m;
        case 5: return sign | (top - 1 - below(3)) << frac | m;
        case 6: return sign | bias << frac | (m & (fracMask << (frac - 3)));
        case 7: case 8: e = rnd() & top; break;
        case 9: e = bias + below(70); break;
        case 10: e = bias / 2 + below(80) - 40; break;
        case 11: if (haveOther) {
                e = (other >> frac & top) + below(7) - 3;
                return sign | (e & top) << frac | ((other ^ (below(2) ? below(8) : 0)) & fracMask);
            }
        /* fallthrough */
        default: e = bias + below(2 * frac + 10) - frac - 5; break;
    }
    return sign | (e & top) << frac | m;
}

static u64 operand(char kind, u64 other, int haveOther) {
    switch (kind) {
        case 's': return value(23, 8, other, haveOther);
        case 'd': return value(52, 11, other, haveOther);
        case 'h': return value(10, 5, 0, 0);
        case 'k': { /* a single near the range of halves */
            if (below(3) == 0) return value(23, 8, 0, 0);
            u64 m = rnd() & 0x7fffff & (0x7fffffull << below(24));
            return (rnd() & 1) << 31 | (u64) (127 - 28 + below(48)) << 23 | m;
        }
        case 'n': { /* a double near the range of singles */
            u64 m = rnd() & 0xfffffffffffffull & (0xfffffffffffffull << below(53));
            u64 e = below(2) ? 1023 - 155 + below(40) : 1023 + 120 + below(12);
            return (rnd() & 1) << 63 | e << 52 | m;
        }
        default: return below(3) ? (u64) ((int64_t) rnd() >> below(64)) : (1ull << below(64)) + below(5) - 2;
    }
}

static u32 control(void) {
    u32 m = 0x1f80;
    if (below(2)) m |= below(4) << 13;
    if (below(6) == 0) m |= 0x8000;
    if (below(6) == 0) m |= 0x40;
    if (below(4) == 0) m |= 0x20;
    if (below(24) == 0) m &= ~(1u << (7 + below(6)));
    if (below(60) == 0) m &= ~(below(64) << 7);
    return m;
}

int main(int argc, char **argv) {
    int binary = argc > 1 && !strcmp(argv[1], "-b");
    argc -= binary;
    argv += binary;
    u64 count = argc > 1 ? strtoull(argv[1], 0, 0) : 1000;
    state = argc > 2 ? strtoull(argv[2], 0, 0) : 1;
    const char *only = argc > 3 ? argv[3] : 0;
    struct sigaction action = {.sa_sigaction = onFpe, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGFPE, &action, 0);
    if (!binary) printf("# op mxcsr a b c result status trapped; seed %llu\n", (unsigned long long) state);
    for (volatile u64 i = 0; i < count;) {
        const struct op *op = &ops[below(OPS)];
        if (only && strncmp(op->name, only, strlen(only))) continue;
        i++;
        static struct call x;
        memset(&x, 0, sizeof x);
        x.a = operand(op->in, 0, 0);
        if (op->operands > 1) x.b = operand(op->in, x.a, 1);
        if (op->operands > 2) x.c = below(4) ? operand(op->in, x.b, 1) : operand(op->in, x.a, 1);
        x.mxcsr = control();
        u64 trapped = 0;
        if (sigsetjmp(trap, 0) == 0) {
            op->run(&x);
        } else {
            trapped = 1;
            x.status = trapStatus;
            x.result = 0;
        }
        if (op->bits == 32) x.result &= 0xffffffffull;
        if (op->bits == 16) x.result &= 0xffffull;
        if (binary) {
            u64 rec[7] = {(u64) (op - ops), (u64) x.mxcsr | trapped << 32, x.a, x.b, x.c, x.result, x.status};
            char name[16] = {0};
            strncpy(name, op->name, 15);
            fwrite(name, 16, 1, stdout);
            fwrite(rec + 1, 8, 6, stdout);
        } else {
            printf("%s %x %llx %llx %llx %llx %x %d\n", op->name, x.mxcsr, (unsigned long long) x.a,
                   (unsigned long long) x.b, (unsigned long long) x.c, (unsigned long long) x.result, x.status,
                   (int) trapped);
        }
    }
    return 0;
}
