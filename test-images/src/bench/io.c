/* What goes through a guest's disk and network interface:

     io ROW read FILE MIB             reads a disk from its start, past the page cache, 1 MiB at a time
     io ROW send ADDRESS PORT MIB     sends to a server, until it says that it has got all
     io ROW fetch ADDRESS PORT MIB    gets from a server
     io - serve ADDRESS PORT COUNT    is that server, for COUNT connections

   The marker lines are those of main.c; the checksum is the number of bytes. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, TRIES = 200 };
static unsigned char buffer[BUFFER] __attribute__((aligned(4096)));

/* What a client asks for, in the byte order of x86. */
struct request {
    uint64_t bytes;
    uint64_t to_server;
};

_Noreturn static void die(const char *what)
{
    perror(what);
    _exit(2);
}

static void mark(const char *row, const char *what, const char *more)
{
    char line[160];
    int length = snprintf(line, sizeof line, "BENCH-%s %s%s\n", what, row, more);
    if (write(1, line, (size_t) length) != length)
        _exit(2);
}

static void begin(const char *row)
{
    mark(row, "BEGIN", "");
}

static void end(const char *row, uint64_t bytes)
{
    char sum[32];
    snprintf(sum, sizeof sum, " %016llx", (unsigned long long) bytes);
    mark(row, "END", sum);
}

/* Gets up to n bytes; returns how many there were before the end. */
static uint64_t take(int fd, uint64_t n)
{
    uint64_t done = 0;
    while (done < n) {
        size_t want = n - done < BUFFER ? (size_t) (n - done) : BUFFER;
        ssize_t got = read(fd, buffer, want);
        if (got < 0)
            die("read");
        if (got == 0)
            break;
        done += (uint64_t) got;
    }
    return done;
}

static void put(int fd, uint64_t n)
{
    while (n > 0) {
        ssize_t sent = write(fd, buffer, n < BUFFER ? (size_t) n : BUFFER);
        if (sent < 0)
            die("write");
        n -= (uint64_t) sent;
    }
}

static struct sockaddr_in place(const char *address, const char *port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t) atoi(port)) };
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
        die(address);
    return to;
}

/* The peer may still be booting. */
static int reach(struct sockaddr_in to)
{
    for (int i = 0; i < TRIES; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0)
            die("socket");
        if (!connect(fd, (struct sockaddr *) &to, sizeof to))
            return fd;
        close(fd);
        usleep(100000);
    }
    die("connect");
}

static void client(const char *row, struct sockaddr_in to, uint64_t bytes, int to_server)
{
    struct request r = { bytes, (uint64_t) to_server };
    uint64_t got = 0;
    int fd = reach(to);
    begin(row);
    if (write(fd, &r, sizeof r) != sizeof r)
        die("request");
    if (to_server) {
        put(fd, bytes);
        if (recv(fd, &got, sizeof got, MSG_WAITALL) != sizeof got)
            die("answer");
    } else {
        got = take(fd, bytes);
    }
    end(row, got);
    close(fd);
}

static void serve(struct sockaddr_in at, long count)
{
    int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on)
        || bind(listener, (struct sockaddr *) &at, sizeof at) || listen(listener, 4))
        die("listen");
    for (long i = 0; i < count; i++) {
        struct request r;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            die("accept");
        if (recv(fd, &r, sizeof r, MSG_WAITALL) == sizeof r) {
            if (r.to_server) {
                uint64_t got = take(fd, r.bytes);
                if (write(fd, &got, sizeof got) != sizeof got)
                    die("answer");
            } else {
                put(fd, r.bytes);
            }
        }
        shutdown(fd, SHUT_WR);
        take(fd, UINT64_MAX);       /* until the client has closed, so that nothing is lost when this guest goes down */
        close(fd);
    }
}

static void read_disk(const char *row, const char *file, uint64_t bytes)
{
    int fd = open(file, O_RDONLY | O_DIRECT);
    if (fd < 0)
        die(file);
    begin(row);
    end(row, take(fd, bytes));
    close(fd);
}

int main(int argc, char **argv)
{
    const char *row = argc > 1 ? argv[1] : "", *what = argc > 2 ? argv[2] : "";
    uint64_t last = argc > 1 ? strtoull(argv[argc - 1], NULL, 10) : 0;
    memset(buffer, 0x5a, sizeof buffer);
    signal(SIGPIPE, SIG_IGN);
    if (argc == 5 && !strcmp(what, "read")) {
        read_disk(row, argv[3], last << 20);
    } else if (argc == 6 && !strcmp(what, "serve")) {
        serve(place(argv[3], argv[4]), (long) last);
    } else if (argc == 6 && (!strcmp(what, "send") || !strcmp(what, "fetch"))) {
        client(row, place(argv[3], argv[4]), last << 20, !strcmp(what, "send"));
    } else {
        fprintf(stderr, "usage: io ROW read FILE MIB | io ROW send|fetch ADDRESS PORT MIB\n"
            "       io - serve ADDRESS PORT COUNT\n");
        return 64;
    }
    return 0;
}
