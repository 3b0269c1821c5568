/* Code that runs once: each of many generated functions is called a single time; translating them is the work. */
#include "bench.h"

extern const unsigned once_count;
extern uint64_t (*const once_functions[])(uint64_t, uint64_t *);

static uint64_t once(uint64_t n)
{
    uint64_t cell[64], value = 1;
    for (int i = 0; i < 64; i++)
        cell[i] = (uint64_t) i * 0x0101010101010101u;
    for (unsigned i = 0; i < once_count && i < n; i++)
        value = once_functions[i](value, cell);
    return value ^ checksum(cell, sizeof cell);
}

/* Maps the pages of the functions without running any of them. */
static void map_pages(uint64_t n)
{
    (void) n;
    uint64_t sum = 0;
    for (unsigned i = 0; i < once_count; i++)
        sum += *(const volatile unsigned char *) (uintptr_t) once_functions[i];
    CLOBBER(&sum);
}

const struct kernel once_kernels[] = {
    { "once/functions", once, 5000, map_pages },
    { NULL, NULL, 0, NULL },
};
