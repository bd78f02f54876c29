/* Forwards TCP connections to one place with splice(2): splice-relay <port> <target port>
 * Edge-triggered; each direction has a pipe of its own. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, BACKLOG = 4096, MOVE = 1 << 20 };

/* What is read here goes through the pipe to the other side. */
struct side {
  int fd, pipe[2], ended;
  long held;
  struct side *other;
  int closed;
};

static int epoll;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static struct side *open_side(int fd) {
  struct side *side = calloc(1, sizeof *side);
  int yes = 1;
  if (side == NULL || pipe2(side->pipe, O_NONBLOCK | O_CLOEXEC) < 0) fail("pipe2");
  fcntl(side->pipe[1], F_SETPIPE_SZ, MOVE);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  side->fd = fd;
  return side;
}

static void watch(struct side *side) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = side};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, side->fd, &event) < 0) fail("epoll_ctl");
}

static void take(int listener, int target) {
  int accepted;
  while ((accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    struct sockaddr_in place = loopback(target);
    int upstream = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(upstream, (struct sockaddr *)&place, sizeof place) < 0 && errno != EINPROGRESS) fail("connect");
    struct side *a = open_side(accepted), *b = open_side(upstream);
    a->other = b;
    b->other = a;
    watch(a);
    watch(b);
  }
}

/* Moves what can be moved now; 0 when the connection is broken. */
static int move(struct side *from) {
  const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
  for (;;) {
    if (from->held == 0 && !from->ended) {
      long read = splice(from->fd, NULL, from->pipe[1], NULL, MOVE, flags);
      if (read < 0) return errno == EAGAIN;
      from->held = read;
      if (read == 0) {
        from->ended = 1;
        shutdown(from->other->fd, SHUT_WR);
      }
    }
    if (from->held == 0) return 1;
    long written = splice(from->pipe[0], NULL, from->other->fd, NULL, from->held, flags);
    if (written < 0) return errno == EAGAIN || errno == ENOTCONN;
    from->held -= written;
  }
}

static void close_side(struct side *side) {
  side->closed = 1;
  close(side->fd);
  close(side->pipe[0]);
  close(side->pipe[1]);
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1, target = atoi(argv[2]);
  struct sockaddr_in place = loopback(atoi(argv[1]));
  signal(SIGPIPE, SIG_IGN);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&place, sizeof place) < 0) fail("bind");
  if (listen(listener, BACKLOG) < 0) fail("listen");
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event own = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &own);
  for (;;) {
    struct side *over[EVENTS];
    int ended = 0, count = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      struct side *side = events[i].data.ptr;
      if (side == NULL) {
        take(listener, target);
        continue;
      }
      if (side->closed) continue;
      struct side *other = side->other;
      int works = move(side) && move(other);
      int done = side->ended && other->ended && side->held == 0 && other->held == 0;
      if (works && !done) continue;
      close_side(side);
      close_side(other);
      over[ended++] = side;
    }
    /* Later events of this round may still have pointed at them. */
    for (int i = 0; i < ended; i++) {
      free(over[i]->other);
      free(over[i]);
    }
  }
}
