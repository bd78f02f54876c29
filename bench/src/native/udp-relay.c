/* SOCKS5 datagrams (RFC 1928 section 7, IPv4 only) to and from their targets, in batches: udp-relay <port>
 * One unconnected socket for each client, as a gateway that lets anybody answer needs; no rules, no accounting, no end of sessions. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { BATCH = 64, SLOT = 2048, HEADER = 10, PORTS = 65536, BUFFER = 4 << 20, LISTENER = -1 };

static struct mmsghdr messages[BATCH];
static struct iovec parts[BATCH][2];
static char data[BATCH][SLOT];
static char headers[BATCH][HEADER];
static struct sockaddr_in names[BATCH], targets[BATCH];
/* By the client's port: loads come from one address. */
static int upstreams[PORTS];
static struct sockaddr_in clients[PORTS];
static int epoll, listener;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int open_socket(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = BUFFER;
  if (fd < 0) fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  return fd;
}

static void watch(int fd, int id) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = id};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

static int receive(int fd) {
  for (int i = 0; i < BATCH; i++) {
    parts[i][0] = (struct iovec){data[i], SLOT};
    messages[i].msg_hdr = (struct msghdr){
        .msg_name = &names[i], .msg_namelen = sizeof names[i], .msg_iov = parts[i], .msg_iovlen = 1};
  }
  return recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
}

static void open_upstream(const struct sockaddr_in *client) {
  upstreams[client->sin_port] = open_socket();
  clients[client->sin_port] = *client;
  watch(upstreams[client->sin_port], client->sin_port);
}

static void from_clients(void) {
  int count = receive(listener);
  for (int i = 0; i < count; i++) {
    uint32_t length = messages[i].msg_len;
    if (length < HEADER || data[i][2] != 0 || data[i][3] != 1) length = HEADER;
    targets[i].sin_family = AF_INET;
    memcpy(&targets[i].sin_addr, data[i] + 4, 4);
    memcpy(&targets[i].sin_port, data[i] + 8, 2);
    parts[i][0] = (struct iovec){data[i] + HEADER, length - HEADER};
    messages[i].msg_hdr.msg_name = &targets[i];
  }
  for (int i = 0, next; i < count; i = next) {
    uint16_t port = names[i].sin_port;
    for (next = i; next < count && names[next].sin_port == port; next++)
      ;
    if (upstreams[port] == 0) open_upstream(&names[i]);
    sendmmsg(upstreams[port], messages + i, next - i, MSG_DONTWAIT);
  }
}

static void from_upstream(int port) {
  int count = receive(upstreams[port]);
  for (int i = 0; i < count; i++) {
    memcpy(headers[i], "\0\0\0\1", 4);
    memcpy(headers[i] + 4, &names[i].sin_addr, 4);
    memcpy(headers[i] + 8, &names[i].sin_port, 2);
    parts[i][0] = (struct iovec){headers[i], HEADER};
    parts[i][1] = (struct iovec){data[i], messages[i].msg_len};
    messages[i].msg_hdr.msg_name = &clients[port];
    messages[i].msg_hdr.msg_iovlen = 2;
  }
  if (count > 0) sendmmsg(listener, messages, count, MSG_DONTWAIT);
}

int main(int argc, char **argv) {
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (argc < 2) return 2;
  place.sin_port = htons(atoi(argv[1]));
  epoll = epoll_create1(EPOLL_CLOEXEC);
  listener = open_socket();
  if (bind(listener, (struct sockaddr *)&place, sizeof place) < 0) fail("bind");
  watch(listener, LISTENER);
  puts("{\"event\":\"ready\"}");
  fflush(stdout);
  for (struct epoll_event events[BATCH];;) {
    int count = epoll_wait(epoll, events, BATCH, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == LISTENER) from_clients();
      else from_upstream(events[i].data.fd);
    }
  }
}
