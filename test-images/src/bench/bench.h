/* Shared by the kernels of the guest benchmark: what a kernel is, and helpers that keep the compiler honest. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/* One row of the table. run(n) does work that grows linearly with n and returns a checksum that depends on all of it,
   and on nothing else: it is the same on every machine. prepare (or NULL) runs before the clock starts. */
struct kernel {
    const char *name;                  /* class/name; a class has the or reader's limit */
    uint64_t (*run)(uint64_t n);
    uint64_t n;                        /* takes 0.3 to 1 s under QEMU's TCG */
    void (*prepare)(uint64_t n);
};

extern const struct kernel integer_kernels[], float_kernels[], string_kernels[], system_kernels[], once_kernels[];

/* Never inlined, cloned or evaluated at compile time. */
#define OPAQUE __attribute__((noipa))

/* Memory may have changed, and must have been written: a loop that only copies is not optimised away. */
#define CLOBBER(pointer) __asm__ volatile("" : : "r"(pointer) : "memory")

static inline uint64_t fold(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * 0x9e3779b97f4a7c15u + (sum >> 29);
}

static inline uint64_t random64(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

/* Ends the program with a message about what failed; system calls of a benchmark do not fail. */
_Noreturn void die(const char *what);
void *allocate(size_t bytes);
uint64_t checksum(const void *data, size_t bytes);

#endif
