/* What goes through the kernel: system calls, signals, processes, memory, files. All on one CPU. */
#define _GNU_SOURCE
#include "bench.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void one_cpu(uint64_t n)
{
    (void) n;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set))
        die("sched_getaffinity");
    int first = 0;
    while (!CPU_ISSET(first, &set))
        first++;
    CPU_ZERO(&set);
    CPU_SET(first, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        die("sched_setaffinity");
}

static uint64_t getppid_loop(uint64_t n)
{
    pid_t parent = getppid();
    uint64_t same = 0;
    for (uint64_t i = 0; i < n; i++)
        same += syscall(SYS_getppid) == parent;
    return same;
}

static volatile sig_atomic_t taken;

static void on_signal(int number)
{
    taken += number;
}

static uint64_t signals(uint64_t n)
{
    struct sigaction action = { .sa_handler = on_signal };
    if (sigaction(SIGUSR1, &action, NULL))
        die("sigaction");
    pid_t self = getpid();
    taken = 0;
    for (uint64_t i = 0; i < n; i++)
        if (kill(self, SIGUSR1))
            die("kill");
    return (uint64_t) taken;
}

static uint64_t segv_count;
static unsigned char *guarded;

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void) number;
    (void) context;
    if (info->si_addr != guarded || mprotect(guarded, 4096, PROT_READ | PROT_WRITE))
        _exit(3);
    segv_count++;
}

/* A write to a read-only page, its signal, and two changes of protection. */
static uint64_t protection(uint64_t n)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    guarded = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guarded == MAP_FAILED || sigaction(SIGSEGV, &action, NULL))
        die("protection");
    for (uint64_t i = 0; i < n; i++) {
        if (mprotect(guarded, 4096, PROT_READ))
            die("mprotect");
        *(volatile unsigned char *) guarded += 1;
    }
    return segv_count << 8 | *guarded;
}

static void finish(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child || status)
        die("child");
}

static uint64_t pipe_pingpong(uint64_t n)
{
    int there[2], back[2];
    uint64_t value = 1;
    if (pipe(there) || pipe(back))
        die("pipe");
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child == 0) {
        for (uint64_t i = 0; i < n; i++) {
            if (read(there[0], &value, sizeof value) != sizeof value)
                _exit(1);
            value = value * 5 + 1;
            if (write(back[1], &value, sizeof value) != sizeof value)
                _exit(1);
        }
        _exit(0);
    }
    for (uint64_t i = 0; i < n; i++) {
        value ^= i;
        if (write(there[1], &value, sizeof value) != sizeof value
            || read(back[0], &value, sizeof value) != sizeof value)
            die("pipe");
    }
    finish(child);
    return value;
}

static uint64_t fork_wait(uint64_t n)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        pid_t child = fork();
        int status;
        if (child < 0)
            die("fork");
        if (child == 0)
            _exit((int) (i & 63));
        if (waitpid(child, &status, 0) != child)
            die("waitpid");
        sum = fold(sum, (unsigned) WEXITSTATUS(status));
    }
    return sum;
}

static char tiny[4096];

/* The tiny program lies beside this one. */
static void find_tiny(uint64_t n)
{
    one_cpu(n);
    ssize_t length = readlink("/proc/self/exe", tiny, sizeof tiny - 8);
    char *slash = length < 0 ? NULL : memrchr(tiny, '/', (size_t) length);
    if (!slash)
        die("/proc/self/exe");
    strcpy(slash + 1, "tiny");
    if (access(tiny, X_OK))
        die(tiny);
}

static uint64_t fork_exec(uint64_t n)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        int status;
        pid_t child = fork();
        if (child < 0)
            die("fork");
        if (child == 0) {
            execl(tiny, "tiny", (char *) NULL);
            _exit(127);
        }
        if (waitpid(child, &status, 0) != child)
            die("waitpid");
        sum = fold(sum, (unsigned) WEXITSTATUS(status));
    }
    return sum;
}

static uint64_t map_touch_unmap(uint64_t n)
{
    enum { PAGES = 16 };
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        unsigned char *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            die("mmap");
        for (int k = 0; k < PAGES; k++)
            p[k * 4096 + k] = (unsigned char) (i + (unsigned) k);
        sum = fold(sum, p[(i % PAGES) * 4097]);
        if (munmap(p, PAGES * 4096))
            die("munmap");
    }
    return sum;
}

/* First touches of anonymous pages: n times 1,024 of them, in 4 KiB pages. */
static uint64_t page_faults(uint64_t n)
{
    enum { PAGES = 1024 };
    uint64_t sum = 0;
    unsigned char *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        die("mmap");
    madvise(p, PAGES * 4096, MADV_NOHUGEPAGE);
    for (uint64_t i = 0; i < n; i++) {
        for (int k = 0; k < PAGES; k++)
            sum += p[k * 4096]++ + (unsigned) k;
        if (madvise(p, PAGES * 4096, MADV_DONTNEED))
            die("madvise");
    }
    return sum;
}

/* Writes to pages that a child shares with its parent, each a copy. */
static uint64_t copy_on_write(uint64_t n)
{
    enum { PAGES = 512 };
    unsigned char *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t sum = 0;
    if (p == MAP_FAILED)
        die("mmap");
    madvise(p, PAGES * 4096, MADV_NOHUGEPAGE);
    memset(p, 5, PAGES * 4096);
    for (uint64_t i = 0; i < n; i++) {
        pid_t child = fork();
        int status;
        if (child < 0)
            die("fork");
        if (child == 0) {
            unsigned total = 0;
            for (int k = 0; k < PAGES; k++)
                total += ++p[k * 4096];
            _exit((int) (total & 63));
        }
        if (waitpid(child, &status, 0) != child)
            die("waitpid");
        p[(i % PAGES) * 4096]++;
        sum = fold(sum, (unsigned) WEXITSTATUS(status));
    }
    return sum;
}

static int file;

static void open_file(uint64_t n)
{
    one_cpu(n);
    const char *folder = getenv("BENCH_TMPFS");
    file = open(folder ? folder : "/tmp", O_TMPFILE | O_RDWR, 0600);
    if (file < 0)
        die("file on tmpfs");
}

/* n times: 256 KiB written and read back in pieces of 4 KiB. */
static uint64_t file_io(uint64_t n)
{
    enum { BLOCK = 4096, BLOCKS = 64 };
    static uint64_t block[BLOCK / 8];
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        for (int k = 0; k < BLOCKS; k++) {
            block[k] = i * 3 + (unsigned) k;
            if (pwrite(file, block, BLOCK, k * BLOCK) != BLOCK)
                die("write");
        }
        for (int k = 0; k < BLOCKS; k++) {
            if (pread(file, block, BLOCK, k * BLOCK) != BLOCK)
                die("read");
            sum = fold(sum, block[k]);
        }
    }
    return sum;
}

static int turn;

static void await(int mine)
{
    while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != mine)
        syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, !mine, NULL, NULL, 0);
}

static void hand_over(int other)
{
    __atomic_store_n(&turn, other, __ATOMIC_RELEASE);
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static uint64_t shared;

static void *partner(void *argument)
{
    for (uint64_t i = 0; i < *(uint64_t *) argument; i++) {
        await(1);
        shared = shared * 3 + 1;
        hand_over(0);
    }
    return NULL;
}

/* Two threads that take turns by futex: switches that keep the address space (pipe-pingpong changes it). */
static uint64_t thread_switch(uint64_t n)
{
    pthread_t thread;
    turn = 0;
    shared = 1;
    if (pthread_create(&thread, NULL, partner, &n))
        die("thread");
    for (uint64_t i = 0; i < n; i++) {
        await(0);
        shared ^= i;
        hand_over(1);
    }
    pthread_join(thread, NULL);
    return shared;
}

static uint64_t yields(uint64_t n)
{
    enum { CHILDREN = 3 };
    pid_t child[CHILDREN];
    for (int c = 0; c < CHILDREN; c++) {
        child[c] = fork();
        if (child[c] < 0)
            die("fork");
        if (child[c] == 0) {
            for (uint64_t i = 0; i < n; i++)
                sched_yield();
            _exit(0);
        }
    }
    for (int c = 0; c < CHILDREN; c++)
        finish(child[c]);
    return n;
}

const struct kernel system_kernels[] = {
    { "system/getppid", getppid_loop, 800000, one_cpu },
    { "system/signal", signals, 10000, one_cpu },
    { "system/protection-fault", protection, 8000, one_cpu },
    { "system/pipe-pingpong", pipe_pingpong, 4000, one_cpu },
    { "system/thread-switch", thread_switch, 20000, one_cpu },
    { "system/yield", yields, 15000, one_cpu },
    { "system/fork-wait", fork_wait, 500, one_cpu },
    { "system/fork-exec", fork_exec, 250, find_tiny },
    { "system/mmap-touch-munmap", map_touch_unmap, 1500, one_cpu },
    { "system/page-fault", page_faults, 30, one_cpu },
    { "system/copy-on-write", copy_on_write, 40, one_cpu },
    { "system/file", file_io, 300, open_file },
    { NULL, NULL, 0, NULL },
};
