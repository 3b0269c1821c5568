/* bench list: names and work of all kernels; bench run NAME PERCENT: runs one.
   It does not read a clock: virtual time need not be the host's, so the host stamps the marker lines as they arrive. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t nothing(uint64_t n)
{
    return n;
}

/* What the marker lines cost: the floor of every other row. */
static const struct kernel overhead_kernels[] = {
    { "overhead/markers", nothing, 100, NULL },
    { NULL, NULL, 0, NULL },
};

static const struct kernel *const classes[] = {
    overhead_kernels, integer_kernels, float_kernels, string_kernels, system_kernels, once_kernels,
};

_Noreturn void die(const char *what)
{
    perror(what);
    _exit(2);
}

void *allocate(size_t bytes)
{
    void *memory = aligned_alloc(4096, (bytes + 4095) & ~(size_t) 4095);
    if (!memory)
        die("memory");
    memset(memory, 1, bytes);          /* page faults are a kernel of their own */
    return memory;
}

uint64_t checksum(const void *data, size_t bytes)
{
    const unsigned char *p = data;
    uint64_t sum = bytes;
    for (size_t i = 0; i < bytes; i++)
        sum = (sum ^ p[i]) * 0x100000001b3u;
    return sum;
}

static void say(const char *line, int length)
{
    if (write(1, line, (size_t) length) != length)
        _exit(2);
}

static int run(const struct kernel *k, unsigned long percent)
{
    char line[128];
    uint64_t n = k->n * percent / 100;
    n = n ? n : 1;
    if (k->prepare)
        k->prepare(n);
    say(line, snprintf(line, sizeof line, "BENCH-BEGIN %s\n", k->name));
    uint64_t sum = k->run(n);
    say(line, snprintf(line, sizeof line, "BENCH-END %s %016llx\n", k->name, (unsigned long long) sum));
    return 0;
}

int main(int argc, char **argv)
{
    int list = argc == 2 && !strcmp(argv[1], "list");
    if (!list && !(argc == 4 && !strcmp(argv[1], "run"))) {
        fprintf(stderr, "usage: bench list | bench run NAME PERCENT\n");
        return 64;
    }
    for (size_t c = 0; c < sizeof classes / sizeof *classes; c++) {
        for (const struct kernel *k = classes[c]; k->name; k++) {
            if (list)
                printf("%s %llu\n", k->name, (unsigned long long) k->n);
            else if (!strcmp(k->name, argv[2]))
                return run(k, strtoul(argv[3], NULL, 10));
        }
    }
    if (!list)
        fprintf(stderr, "bench: no kernel %s\n", argv[2]);
    return list ? 0 : 64;
}
