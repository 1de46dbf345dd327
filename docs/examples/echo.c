/* Echo over TCP, all connections in one loop: `cc -O2 -o echo echo.c`, then `./echo 7007`. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int loop = epoll_create1(0), listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in here = {AF_INET, htons(argc > 1 ? atoi(argv[1]) : 0), {htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {EPOLLIN, {.fd = listener}};
    char data[65536];
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 1024)) return 1;
    for (epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);;) {
        if (epoll_wait(loop, &event, 1, -1) < 1) continue; /* it was stopped, and goes on */
        if (event.data.fd == listener) {
            event.data.fd = accept(listener, 0, 0);
            epoll_ctl(loop, EPOLL_CTL_ADD, event.data.fd, &event);
        } else {
            ssize_t size = read(event.data.fd, data, sizeof data);
            if (size <= 0 || write(event.data.fd, data, size) < size) close(event.data.fd);
        }
    }
}
