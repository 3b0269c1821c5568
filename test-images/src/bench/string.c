/* String instructions, and the string functions of libc. libc picks its variant by CPUID, as programs have it. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum { AREA = 1 << 20 };
static unsigned char *a, *b;

static void areas(uint64_t n)
{
    (void) n;
    a = allocate(AREA + 4096);
    b = allocate(AREA + 4096);
    for (size_t i = 0; i < AREA; i++)
        a[i] = (unsigned char) (i % 251 + 1);
}

static inline void rep_movsb(void *to, const void *from, size_t count)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

static inline void rep_movsq(void *to, const void *from, size_t count)
{
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

static inline void rep_stosq(void *to, uint64_t value, size_t count)
{
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(value) : "memory");
}

/* Blocks of the area in turn, and odd alignments for all but whole pages: what programs do. */
static size_t place(uint64_t i, size_t size)
{
    size_t blocks = AREA / size, at = (size_t) (i % blocks) * size;
    return size >= 4096 ? at : at + (i & 7);
}

#define MOVER(name, size, action)                             \
    static uint64_t name(uint64_t n)                          \
    {                                                         \
        for (uint64_t i = 0; i < n; i++) {                    \
            size_t at = place(i, size);                       \
            a[at] = (unsigned char) i | 1;                    \
            action;                                           \
            CLOBBER(b);                                       \
        }                                                     \
        return checksum(b, AREA);                             \
    }

MOVER(movsb_32, 32, rep_movsb(b + at, a + at, 32))
MOVER(movsb_4k, 4096, rep_movsb(b + at, a + at, 4096))
MOVER(movsb_1m, AREA, rep_movsb(b + at, a + at, AREA))
MOVER(movsq_256, 256, rep_movsq(b + at, a + at, 256 / 8))
MOVER(movsq_4k, 4096, rep_movsq(b + at, a + at, 4096 / 8))
MOVER(stosq_256, 256, rep_stosq(b + at, i * 0x0101010101u, 256 / 8))
MOVER(stosq_4k, 4096, rep_stosq(b + at, i * 0x0101010101u, 4096 / 8))
MOVER(memcpy_16, 16, memcpy(b + at, a + at, 16))
MOVER(memcpy_256, 256, memcpy(b + at, a + at, 250))
MOVER(memcpy_4k, 4096, memcpy(b + at, a + at, 4096))
MOVER(memcpy_1m, AREA, memcpy(b + at, a + at, AREA))
MOVER(memset_64, 64, memset(b + at, (int) i, 60))
MOVER(memset_4k, 4096, memset(b + at, (int) i, 4096))
MOVER(memset_1m, AREA, memset(b + at, (int) i, AREA))
MOVER(memmove_64, 64, memmove(b + at + 3, b + at, 61); b[at] = (unsigned char) i)
MOVER(memmove_4k, 4096, memmove(b + at + 24, b + at, 4072); b[at] = (unsigned char) i)

#define READER(name, size, value)                             \
    static uint64_t name(uint64_t n)                          \
    {                                                         \
        uint64_t sum = 0;                                     \
        for (uint64_t i = 0; i < n; i++) {                    \
            size_t at = place(i, size);                       \
            sum += (uint64_t) (value) ^ i;                    \
        }                                                     \
        return sum;                                           \
    }

static int sign(int difference)
{
    return (difference > 0) - (difference < 0);
}

#define TEXT(at) ((const char *) a + (at))
#define SAME(at) ((const char *) b + (at))

READER(strlen_16, 16, strlen(TEXT(at)))
READER(strlen_4k, 4096, strlen(TEXT(at)))
READER(strchr_16, 16, strchr(TEXT(at), '~') - TEXT(at))
READER(strchr_4k, 4096, strchr(TEXT(at), '~') - TEXT(at))
READER(memcmp_16, 16, sign(memcmp(a + at, b + at, 15)) + (int) at)
READER(memcmp_4k, 4096, sign(memcmp(a + at, b + at, 4096)) + (int) at)
READER(strcmp_16, 16, sign(strcmp(TEXT(at), SAME(at))) + (int) at)
READER(strcmp_4k, 4096, sign(strcmp(TEXT(at), SAME(at))) + (int) at)

/* Strings of up to size-1 characters with '~' last, equal in both areas but for the last character of every third. */
static void strings(size_t size)
{
    areas(0);
    for (size_t i = 0; i < AREA; i++)
        a[i] = (unsigned char) ('A' + i % 26);
    for (size_t end = size; end <= AREA; end += size) {
        a[end - 2] = '~';
        a[end - 1] = 0;
    }
    memcpy(b, a, AREA);
    for (size_t end = size; end <= AREA; end += 3 * size)
        b[end - 2] = '}';
}

static void strings_16(uint64_t n)
{
    (void) n;
    strings(16);
}

static void strings_4k(uint64_t n)
{
    (void) n;
    strings(4096);
}

const struct kernel string_kernels[] = {
    { "string/rep-movsb-32", movsb_32, 3000000, areas },
    { "string/rep-movsb-4k", movsb_4k, 40000, areas },
    { "string/rep-movsb-1m", movsb_1m, 200, areas },
    { "string/rep-movsq-256", movsq_256, 4000000, areas },
    { "string/rep-movsq-4k", movsq_4k, 300000, areas },
    { "string/rep-stosq-256", stosq_256, 5000000, areas },
    { "string/rep-stosq-4k", stosq_4k, 300000, areas },
    { "string/memcpy-16", memcpy_16, 10000000, areas },
    { "string/memcpy-256", memcpy_256, 5000000, areas },
    { "string/memcpy-4k", memcpy_4k, 200000, areas },
    { "string/memcpy-1m", memcpy_1m, 500, areas },
    { "string/memset-64", memset_64, 10000000, areas },
    { "string/memset-4k", memset_4k, 60000, areas },
    { "string/memset-1m", memset_1m, 250, areas },
    { "string/memmove-64", memmove_64, 10000000, areas },
    { "string/memmove-4k", memmove_4k, 200000, areas },
    { "string/strlen-16", strlen_16, 10000000, strings_16 },
    { "string/strlen-4k", strlen_4k, 200000, strings_4k },
    { "string/strchr-16", strchr_16, 10000000, strings_16 },
    { "string/strchr-4k", strchr_4k, 200000, strings_4k },
    { "string/memcmp-16", memcmp_16, 5000000, strings_16 },
    { "string/memcmp-4k", memcmp_4k, 100000, strings_4k },
    { "string/strcmp-16", strcmp_16, 5000000, strings_16 },
    { "string/strcmp-4k", strcmp_4k, 100000, strings_4k },
    { NULL, NULL, 0, NULL },
};
