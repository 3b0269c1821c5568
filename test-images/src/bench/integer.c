/* Integer work in user space: arithmetic, tables, branches, calls, memory. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t n)
{
    uint64_t a = 1, b = 0x243f6a8885a308d3u, c = 7, d = 0;
    for (uint64_t i = 0; i < n; i++) {
        a = a * 6364136223846793005u + 1442695040888963407u;
        b ^= (a >> 17) | (b << 3);
        c = (c << 11 | c >> 53) + (b & a);
        d += (int64_t) c < (int64_t) a ? c - i : ~a;
    }
    return a ^ b ^ c ^ d;
}

/* FIPS 180-4, section 6.2 */
static const uint32_t sha_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, int by)
{
    return x >> by | x << (32 - by);
}

static OPAQUE void sha_block(uint32_t h[8], const unsigned char *block)
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t) block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3)
             + w[i - 7] + (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
    }
    memcpy(s, h, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t t1 = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25))
                    + ((s[4] & s[5]) ^ (~s[4] & s[6])) + sha_k[i] + w[i];
        uint32_t t2 = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22))
                    + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        s[7] = s[6], s[6] = s[5], s[5] = s[4], s[4] = s[3] + t1;
        s[3] = s[2], s[2] = s[1], s[1] = s[0], s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        h[i] += s[i];
}

static uint64_t sha256(uint64_t n)
{
    uint32_t h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    unsigned char block[64];
    for (int i = 0; i < 64; i++)
        block[i] = (unsigned char) (i * 7);
    for (uint64_t i = 0; i < n; i++) {
        block[i & 63]++;
        sha_block(h, block);
    }
    return (uint64_t) h[0] << 32 | h[7];
}

static uint64_t crc32(uint64_t n)
{
    static uint32_t table[256];
    static unsigned char data[4096];
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
        table[i] = c;
    }
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char) (i * 31 + (i >> 8));
    uint32_t crc = ~0u;
    for (uint64_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof data; k++)
            crc = crc >> 8 ^ table[(crc ^ data[k]) & 255];
    return crc;
}

static void sort(uint32_t *a, long low, long high)
{
    while (low < high) {
        uint32_t pivot = a[low + (high - low) / 2];
        long i = low, j = high;
        while (i <= j) {
            while (a[i] < pivot)
                i++;
            while (a[j] > pivot)
                j--;
            if (i <= j) {
                uint32_t t = a[i];
                a[i++] = a[j];
                a[j--] = t;
            }
        }
        sort(a, low, j);
        low = i;
    }
}

static uint64_t quicksort(uint64_t n)
{
    enum { COUNT = 20000 };
    static uint32_t a[COUNT];
    uint64_t state = 88172645463325252u, sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        for (int k = 0; k < COUNT; k++)
            a[k] = (uint32_t) random64(&state);
        sort(a, 0, COUNT - 1);
        sum = fold(sum, (uint64_t) a[COUNT / 3] << 32 | a[COUNT / 2]);
    }
    return sum;
}

/* One cycle through all cache lines of the area in random order (Sattolo). */
static void **chain;

static void make_chain(size_t bytes)
{
    size_t count = bytes / 64;
    uint32_t *order = allocate(count * sizeof *order);
    uint64_t state = 2463534242u;
    chain = allocate(bytes);
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t) i;
    for (size_t i = count - 1; i > 0; i--) {
        size_t k = random64(&state) % i;
        uint32_t t = order[i];
        order[i] = order[k];
        order[k] = t;
    }
    for (size_t i = 0; i < count; i++)
        chain[(size_t) order[i] * 8] = chain + (size_t) order[(i + 1) % count] * 8;
    free(order);
}

static void chase_small_prepare(uint64_t n)
{
    (void) n;
    make_chain(64 << 10);
}

static void chase_large_prepare(uint64_t n)
{
    (void) n;
    make_chain(16 << 20);
}

static uint64_t chase(uint64_t n)
{
    void **p = chain;
    for (uint64_t i = 0; i < n; i++)
        p = *p;
    return (uint64_t) (p - chain);
}

enum { AREA = 32 << 10 };
static unsigned char *from, *to;

static void areas(uint64_t n)
{
    (void) n;
    from = allocate(AREA);
    to = allocate(AREA);
    for (size_t i = 0; i < AREA; i++)
        from[i] = (unsigned char) (i * 13 + (i >> 8));
}

static uint64_t copy_bytes(uint64_t n)
{
    unsigned char *source = from, *target = to;
    for (uint64_t i = 0; i < n; i++) {
        source[i % AREA]++;
        for (size_t k = 0; k < AREA; k++)
            target[k] = source[k];
        CLOBBER(target);
    }
    return checksum(to, AREA);
}

static uint64_t copy_qwords(uint64_t n)
{
    uint64_t *source = (uint64_t *) from, *target = (uint64_t *) to;
    for (uint64_t i = 0; i < n; i++) {
        source[i % (AREA / 8)]++;
        for (size_t k = 0; k < AREA / 8; k++)
            target[k] = source[k];
        CLOBBER(target);
    }
    return checksum(to, AREA);
}

static OPAQUE uint64_t fib_of(uint64_t n)
{
    return n < 2 ? n : fib_of(n - 1) + fib_of(n - 2);
}

static uint64_t fib(uint64_t n)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum = fold(sum, fib_of(18 + (i & 3)));
    return sum;
}

/* A stack machine: what interpreters of languages do, a load, a switch through a table, little work. */
enum op { PUSH, ADD, SUB, MUL, XOR, DUP, SWAP, STORE, LOAD, DECREMENT, JUMP_NOT_ZERO, HALT };

static OPAQUE uint64_t execute(const unsigned char *code, uint64_t loops)
{
    uint64_t stack[16] = { 0 }, cell[8] = { loops, 1, 2 }, *top = stack;
    for (const unsigned char *pc = code;;) {
        switch ((enum op) *pc++) {
        case PUSH: *++top = *pc++; break;
        case ADD: top[-1] += top[0]; top--; break;
        case SUB: top[-1] -= top[0]; top--; break;
        case MUL: top[-1] *= top[0]; top--; break;
        case XOR: top[-1] ^= top[0]; top--; break;
        case DUP: top[1] = top[0]; top++; break;
        case SWAP: { uint64_t t = top[0]; top[0] = top[-1]; top[-1] = t; break; }
        case STORE: cell[*pc++ & 7] = *top--; break;
        case LOAD: *++top = cell[*pc++ & 7]; break;
        case DECREMENT: cell[*pc++ & 7]--; break;
        case JUMP_NOT_ZERO: if (cell[pc[0] & 7]) pc = code + pc[1]; else pc += 2; break;
        case HALT: return cell[1] ^ cell[2];
        }
    }
}

static uint64_t machine(uint64_t n)
{
    static const unsigned char code[] = {
        LOAD, 1, PUSH, 31, MUL, LOAD, 2, ADD, DUP, STORE, 1, LOAD, 0, SWAP, SUB, LOAD, 2, XOR, STORE, 2,
        DECREMENT, 0, JUMP_NOT_ZERO, 0, 0, HALT,
    };
    return execute(code, n);
}

static uint64_t sieve(uint64_t n)
{
    enum { LIMIT = 200000 };
    static unsigned char composite[LIMIT];
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        for (size_t k = 0; k < LIMIT; k++)
            composite[k] = 0;
        for (size_t p = 2; p * p < LIMIT; p++)
            if (!composite[p])
                for (size_t k = p * p; k < LIMIT; k += p)
                    composite[k] = 1;
        uint64_t count = 0;
        for (size_t k = 2; k < LIMIT; k++)
            count += !composite[k];
        sum = fold(sum, count + i);
    }
    return sum;
}

static uint64_t hash(uint64_t n)
{
    enum { SLOTS = 1 << 14 };
    static struct { uint64_t key, count; } table[SLOTS];
    uint64_t state = 1181783497276652981u, sum = 0;
    memset(table, 0, sizeof table);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t key = random64(&state) % 9973 + 1;
        size_t slot = (size_t) (key * 0x9e3779b97f4a7c15u >> 50);
        while (table[slot].key && table[slot].key != key)
            slot = (slot + 1) % SLOTS;
        table[slot].key = key;
        sum += ++table[slot].count ^ slot;
    }
    return sum;
}

static uint64_t format(uint64_t n)
{
    uint64_t state = 123456789, sum = 0;
    char text[96];
    for (uint64_t i = 0; i < n; i++) {
        uint64_t value = random64(&state) >> (i & 31);
        int length = snprintf(text, sizeof text, "%llu:%x:%-8d|%s", (unsigned long long) value, (unsigned) value,
            (int) (i & 4095), i & 1 ? "odd" : "even");
        sum = fold(sum, strtoull(text, NULL, 10) + (unsigned) length + (unsigned char) text[length - 3]);
    }
    return sum;
}

/* Schoolbook multiplication: mul and add with carry, half of the work of a kernel that checks signatures at boot. */
static uint64_t bignum(uint64_t n)
{
    enum { WORDS = 32 };
    uint64_t a[WORDS], b[WORDS], product[2 * WORDS], state = 42;
    for (int i = 0; i < WORDS; i++) {
        a[i] = random64(&state);
        b[i] = random64(&state);
    }
    for (uint64_t r = 0; r < n; r++) {
        for (int i = 0; i < 2 * WORDS; i++)
            product[i] = 0;
        for (int i = 0; i < WORDS; i++) {
            uint64_t carry = 0;
            for (int k = 0; k < WORDS; k++) {
                unsigned __int128 t = (unsigned __int128) a[i] * b[k] + product[i + k] + carry;
                product[i + k] = (uint64_t) t;
                carry = (uint64_t) (t >> 64);
            }
            product[i + WORDS] = carry;
        }
        for (int i = 0; i < WORDS; i++) {
            a[i] = product[i + WORDS / 2];
            b[i] ^= product[i];
        }
    }
    return checksum(product, sizeof product);
}

const struct kernel integer_kernels[] = {
    { "integer/mix", mix, 200000000, NULL },
    { "integer/sha256", sha256, 350000, NULL },
    { "integer/crc32", crc32, 20000, NULL },
    { "integer/quicksort", quicksort, 100, NULL },
    { "integer/chase-64k", chase, 100000000, chase_small_prepare },
    { "integer/chase-16m", chase, 2500000, chase_large_prepare },
    { "integer/copy-bytes", copy_bytes, 5000, areas },
    { "integer/copy-qwords", copy_qwords, 40000, areas },
    { "integer/fib", fib, 4000, NULL },
    { "integer/vm-switch", machine, 3000000, NULL },
    { "integer/sieve", sieve, 200, NULL },
    { "integer/hash", hash, 30000000, NULL },
    { "integer/format", format, 300000, NULL },
    { "integer/bignum", bignum, 100000, NULL },
    { NULL, NULL, 0, NULL },
};
