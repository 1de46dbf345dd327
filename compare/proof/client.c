/* An echo client that shares nothing with the generator of `compare`, to see whether both count alike.
 *
 *   client PORT CONNECTIONS SIZE SECONDS RATE PID
 *
 * RATE 0: closed loop, each connection asks again as soon as it was answered.  Otherwise an open loop:
 * RATE messages a second over the connections in turn, each timed from when it was meant to leave.
 * Every message has a number of its own, and every byte that comes back is compared.  A tenth of the
 * time before is warm-up.  Waits by asking epoll again and again: to sleep would have the server pay for
 * the waking.
 *
 * One JSON line: operations, seconds, the CPU seconds of process PID and of this one, microseconds at
 * four percentiles (of an open loop).  Status 1 and a line on stderr for whatever goes wrong.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 3.0 /* seconds without an answer after which the server counts as hanging */
#define LARGEST 131072
#define IN_FLIGHT 4096 /* messages that one connection of an open loop may be owed */

struct connection {
    int fd;
    uint64_t sent, answered; /* whole messages */
    size_t got;              /* bytes of the answer that is coming in */
    size_t unsent;           /* bytes of the last message that the socket did not take */
    double meant[IN_FLIGHT]; /* when each message that is owed was meant to leave */
};

static size_t size;
static unsigned char message[LARGEST], answer[LARGEST];

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now))
        die("the server is gone");
    return now.tv_sec + now.tv_nsec * 1e-9;
}

static double now(void) { return seconds_of(CLOCK_MONOTONIC); }

/* The number at the front, and as far as it fits, tells messages and connections apart. */
static void stamp(const struct connection *one, uint64_t number)
{
    uint64_t mark = ((uint64_t)one->fd << 48) ^ number;
    memcpy(message, &mark, size < sizeof mark ? size : sizeof mark);
}

static void flush(struct connection *one, uint64_t number)
{
    stamp(one, number);
    while (one->unsent) {
        ssize_t count = send(one->fd, message + size - one->unsent, one->unsent, MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN)
            return;
        if (count < 0)
            die("the server closed the connection");
        one->unsent -= count;
    }
}

static void ask(struct connection *one)
{
    one->sent++;
    one->unsent = size;
    flush(one, one->sent);
}

/* Reads what is there; whether an answer is whole with it. */
static int answered(struct connection *one)
{
    if (one->unsent)
        flush(one, one->sent);
    ssize_t count = recv(one->fd, answer, size - one->got, 0);
    if (count < 0 && errno == EAGAIN)
        return 0;
    if (count <= 0)
        die("the server closed the connection");
    stamp(one, one->answered + 1);
    if (memcmp(answer, message + one->got, count))
        die("what came back is not what was sent");
    one->got += count;
    if (one->got < size)
        return 0;
    one->got = 0;
    one->answered++;
    return 1;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
    if (argc != 7)
        die("client PORT CONNECTIONS SIZE SECONDS RATE PID");
    int port = atoi(argv[1]), connections = atoi(argv[2]);
    size = strtoul(argv[3], NULL, 10);
    double lasts = atof(argv[4]), rate = atof(argv[5]);
    clockid_t server;
    if (connections < 1 || size < 1 || size > LARGEST || clock_getcpuclockid(atoi(argv[6]), &server))
        die("no such connections, size or process");
    for (size_t at = 0; at < size; at++)
        message[at] = at % 253;

    int epoll = epoll_create1(0);
    struct connection *all = calloc(connections, sizeof *all);
    struct epoll_event *events = calloc(connections, sizeof *events);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    for (int i = 0; i < connections; i++) {
        int on = 1, fd = all[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
            die("no connection");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ask(&all[i]); /* blocking, so that each is accepted before the next comes */
        while (!answered(&all[i]))
            ;
        fcntl(fd, F_SETFL, O_NONBLOCK);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }

    size_t most = rate ? (size_t)(lasts * rate) + 1 : 0, samples = 0, turn = 0;
    double *latencies = calloc(most + 1, sizeof *latencies);
    uint64_t operations = 0, intended = 0, owed = 0;
    double begin = now(), start = begin + lasts / 10, last = begin;
    double cpu = 0, own = 0, first = 0;
    int measuring = 0;
    for (int i = 0; !rate && i < connections; i++)
        ask(&all[i]);
    for (;;) {
        double moment = now();
        if (!measuring && moment >= start) {
            measuring = 1;
            operations = 0;
            cpu = seconds_of(server);
            own = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
            first = now();
        }
        if (moment >= start + lasts)
            break;
        if (moment - last > PATIENCE)
            die("no answer");
        for (double due; rate && (due = begin + intended / rate) <= moment; intended++) {
            struct connection *one = &all[turn++ % connections];
            if (one->unsent || one->sent - one->answered >= IN_FLIGHT)
                die("the server is slower than the rate");
            one->meant[(one->sent + 1) % IN_FLIGHT] = due;
            ask(one);
            owed++;
        }
        int count = epoll_wait(epoll, events, connections, 0);
        if (rate && !owed)
            last = moment; /* nobody owes an answer */
        for (int i = 0; i < count; i++) {
            struct connection *one = events[i].data.ptr;
            if (!answered(one))
                continue;
            last = moment;
            operations++;
            owed -= rate > 0;
            if (!rate)
                ask(one);
            else if (one->meant[one->answered % IN_FLIGHT] >= start && samples < most)
                latencies[samples++] = now() - one->meant[one->answered % IN_FLIGHT];
        }
    }
    double took = now() - first;
    cpu = seconds_of(server) - cpu;
    own = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - own;
    qsort(latencies, samples, sizeof *latencies, ascending);
    printf("{\"operations\":%llu,\"seconds\":%.6f,\"server_cpu\":%.6f,\"client_cpu\":%.6f",
           (unsigned long long)operations, took, cpu, own);
    double percentiles[] = {50, 90, 99, 99.9};
    for (int i = 0; samples && i < 4; i++)
        printf(",\"p%g\":%.2f", percentiles[i], 1e6 * latencies[(size_t)(samples * percentiles[i] / 100)]);
    printf("}\n");
    return 0;
}
