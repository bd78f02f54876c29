/* Datagrams through a SOCKS5 relay to an echo of its own and back, a window of them under way for each flow:
 * udp-load <relay port> <flows> <window> <bytes> <seconds>
 * Prints the lines of a load: {"event":"start"}, {"event":"end",...}. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, SLOT = 2048, HEADER = 10, FLOWS = 64, BUFFER = 4 << 20 };
/* A flow that hears nothing for so long has lost what was under way. */
static const double LOST_SECONDS = 0.05, WARM_UP_SECONDS = 1.5;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int open_socket(int flags) {
  int fd = socket(AF_INET, SOCK_DGRAM | flags, 0), size = BUFFER;
  if (fd < 0) fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  return fd;
}

static void *echo(void *argument) {
  int fd = *(int *)argument;
  static struct mmsghdr messages[BATCH];
  static struct iovec parts[BATCH];
  static char data[BATCH][SLOT];
  static struct sockaddr_in names[BATCH];
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      parts[i] = (struct iovec){data[i], SLOT};
      messages[i].msg_hdr = (struct msghdr){
          .msg_name = &names[i], .msg_namelen = sizeof names[i], .msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    for (int i = 0; i < count; i++) parts[i].iov_len = messages[i].msg_len;
    if (count > 0) sendmmsg(fd, messages, count, 0);
  }
  return NULL;
}

static int start_echo(void) {
  static int fd;
  struct sockaddr_in place = loopback(0);
  socklen_t length = sizeof place;
  pthread_t thread;
  fd = open_socket(0);
  if (bind(fd, (struct sockaddr *)&place, sizeof place) < 0) fail("bind");
  if (getsockname(fd, (struct sockaddr *)&place, &length) < 0) fail("getsockname");
  if (pthread_create(&thread, NULL, echo, &fd) != 0) fail("pthread_create");
  return ntohs(place.sin_port);
}

int main(int argc, char **argv) {
  if (argc < 6) return 2;
  int flows = atoi(argv[2]), window = atoi(argv[3]), bytes = atoi(argv[4]), epoll = epoll_create1(0);
  double seconds = atof(argv[5]);
  struct sockaddr_in relay = loopback(atoi(argv[1])), target = loopback(start_echo());
  static int fds[FLOWS], pending[FLOWS];
  static double heard[FLOWS];
  static char packet[SLOT] = {0, 0, 0, 1}, answers[BATCH][SLOT];
  static struct iovec sent_parts[BATCH], received_parts[BATCH];
  static struct mmsghdr sent[BATCH], received[BATCH];
  if (flows < 1 || flows > FLOWS || bytes < 0 || bytes > SLOT - HEADER) return 2;
  memcpy(packet + 4, &target.sin_addr, 4);
  memcpy(packet + 8, &target.sin_port, 2);
  for (int i = 0; i < BATCH; i++) {
    sent_parts[i] = (struct iovec){packet, HEADER + bytes};
    received_parts[i] = (struct iovec){answers[i], SLOT};
    sent[i].msg_hdr = (struct msghdr){.msg_iov = &sent_parts[i], .msg_iovlen = 1};
    received[i].msg_hdr = (struct msghdr){.msg_iov = &received_parts[i], .msg_iovlen = 1};
  }
  for (int i = 0; i < flows; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = i};
    fds[i] = open_socket(SOCK_NONBLOCK);
    if (connect(fds[i], (struct sockaddr *)&relay, sizeof relay) < 0) fail("connect");
    epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
  }
  long packets = 0, lost = 0;
  double begun = now() + WARM_UP_SECONDS, time = 0;
  for (int started = 0; (time = now()) < begun + seconds || !started;) {
    if (!started && time > begun) {
      started = 1;
      packets = lost = 0;
      begun = time;
      puts("{\"event\":\"start\"}");
      fflush(stdout);
    }
    for (int i = 0; i < flows; i++) {
      if (pending[i] > 0 && time - heard[i] > LOST_SECONDS) {
        lost += pending[i];
        pending[i] = 0;
        heard[i] = time;
      }
      int room = window - pending[i] > BATCH ? BATCH : window - pending[i];
      if (room < 8 && pending[i] > 0) continue;
      int count = sendmmsg(fds[i], sent, room, 0);
      if (count > 0) pending[i] += count;
    }
    struct epoll_event events[FLOWS];
    int ready = epoll_wait(epoll, events, FLOWS, 5);
    for (int e = 0; e < ready; e++) {
      int i = events[e].data.fd, count = recvmmsg(fds[i], received, BATCH, 0, NULL);
      if (count <= 0) continue;
      for (int k = 0; k < count; k++)
        if (received[k].msg_len != (unsigned)(HEADER + bytes)) fail("an answer of another length");
      packets += count;
      pending[i] = pending[i] > count ? pending[i] - count : 0;
      heard[i] = time;
    }
  }
  printf("{\"event\":\"end\",\"seconds\":%.4f,\"packets\":%ld,\"lost\":%ld}\n", now() - begun, packets, lost);
  fflush(stdout);
  return 0;
}
