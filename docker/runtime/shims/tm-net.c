/*
 * tm-net: delays, loses, duplicates and reorders the packets that this network namespace sends, per destination, where the kernel
 * has no netem. Packets come by NFQUEUE (see argv) and leave by verdict; it speaks netlink itself and needs no library.
 *
 * Commands on stdin, one a line, each answered by one line on stdout:
 *
 *   set ADDRESS delay_us jitter_us loss duplicate reorder rate   (of a million; bytes a second, 0: any)   -> ok
 *   clear ADDRESS                                                                             -> ok
 *   count ADDRESS                                             -> delayed dropped duplicated reordered limited
 *
 * What could not be sent on is counted, and said on stderr each time that there is twice as much of it.
 *
 * What was held when an address is cleared still leaves when it is due. Ends with its stdin. `ready` is said first. Arguments: a
 * seed, and the number of the queue (0).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MARK 0x77 /* on duplicates, so that they are not queued again */
#define PEERS_MAX 256
#define QUEUE_MAX 65536
#define BACKLOG_NS 1000000000ull /* what would wait longer for a link of little rate is dropped, as by a router */
#define REORDER_NS 20000000ull /* how long a reordered packet is held where nothing else delays it */

struct peer {
  uint32_t address;
  uint64_t delay_ns, jitter_ns, last_due;
  uint64_t rate, free_at; /* bytes a second, 0: any; when what was sent before has left */
  uint32_t loss, duplicate, reorder;
  uint64_t delayed, dropped, duplicated, reordered, limited;
};

struct held {
  uint64_t due, number;
  uint32_t id; /* of the kernel's; 0 where it is a copy */
  uint32_t address;
  unsigned char *copy;
  size_t bytes;
};

static struct peer peers[PEERS_MAX];
static int peer_count;
static struct held *heap;
static size_t heap_count, heap_room;
static uint64_t numbers, seed, unsent;
static int netlink, raw, timer;
static uint16_t number_of_queue;

static void fail(const char *what) {
  printf("error %s: %s\n", what, strerror(errno));
  fflush(stdout);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* xorshift64* (Vigna 2016) */
static uint64_t draw(uint64_t below) {
  seed ^= seed >> 12;
  seed ^= seed << 25;
  seed ^= seed >> 27;
  return below == 0 ? 0 : ((seed * 2685821657736338717ull) >> 11) % below;
}

/* The kernel took neither packet nor verdict. */
static void failed(const char *what) {
  unsent++;
  if ((unsent & (unsent - 1)) == 0)
    fprintf(stderr, "tm-net: %llu packets could not be sent on, the last one (%s): %s\n", (unsigned long long)unsent, what,
            strerror(errno));
}

static int chance(uint32_t millionths) { return millionths > 0 && draw(1000000) < millionths; }

static struct peer *peer_of(uint32_t address, int add) {
  for (int i = 0; i < peer_count; i++)
    if (peers[i].address == address) return &peers[i];
  if (!add || peer_count == PEERS_MAX) return NULL;
  struct peer *fresh = &peers[peer_count++];
  memset(fresh, 0, sizeof *fresh);
  fresh->address = address;
  return fresh;
}

static int before(const struct held *a, const struct held *b) {
  return a->due != b->due ? a->due < b->due : a->number < b->number;
}

static void push(struct held item) {
  if (heap_count == heap_room) {
    heap_room = heap_room ? heap_room * 2 : 1024;
    heap = realloc(heap, heap_room * sizeof *heap);
    if (heap == NULL) exit(1);
  }
  size_t at = heap_count++;
  for (; at > 0 && before(&item, &heap[(at - 1) / 2]); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
  heap[at] = item;
}

static struct held pop(void) {
  struct held top = heap[0], last = heap[--heap_count];
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= heap_count) break;
    if (child + 1 < heap_count && before(&heap[child + 1], &heap[child])) child++;
    if (!before(&heap[child], &last)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = last;
  return top;
}

/* One attribute at the end of a netlink message. */
static void attribute(char *message, uint16_t type, const void *value, uint16_t bytes) {
  struct nlmsghdr *head = (struct nlmsghdr *)message;
  struct nlattr *one = (struct nlattr *)(message + NLMSG_ALIGN(head->nlmsg_len));
  one->nla_type = type;
  one->nla_len = (uint16_t)(NLA_HDRLEN + bytes);
  memcpy((char *)one + NLA_HDRLEN, value, bytes);
  head->nlmsg_len = NLMSG_ALIGN(head->nlmsg_len) + NLA_ALIGN(one->nla_len);
}

static void begin(char *message, size_t room, uint8_t type, uint16_t flags) {
  memset(message, 0, room);
  struct nlmsghdr *head = (struct nlmsghdr *)message;
  head->nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg));
  head->nlmsg_type = (NFNL_SUBSYS_QUEUE << 8) | type;
  head->nlmsg_flags = NLM_F_REQUEST | flags;
  struct nfgenmsg *queue = NLMSG_DATA(head);
  queue->nfgen_family = AF_UNSPEC;
  queue->version = NFNETLINK_V0;
  queue->res_id = htons(number_of_queue);
}

/* Sends a message of configuration and waits for the kernel's word. */
static void configure(char *message, const char *what) {
  struct nlmsghdr *head = (struct nlmsghdr *)message;
  if (send(netlink, message, head->nlmsg_len, 0) < 0) fail(what);
  char answer[4096];
  for (;;) {
    ssize_t got = recv(netlink, answer, sizeof answer, 0);
    if (got < 0) fail(what);
    struct nlmsghdr *said = (struct nlmsghdr *)answer;
    if (said->nlmsg_type != NLMSG_ERROR) continue; /* no packet comes before the queue is open */
    errno = -((struct nlmsgerr *)NLMSG_DATA(said))->error;
    if (errno != 0) fail(what);
    return;
  }
}

static void open_queue(void) {
  netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  struct sockaddr_nl self = {.nl_family = AF_NETLINK};
  if (netlink < 0 || bind(netlink, (struct sockaddr *)&self, sizeof self) < 0) fail("netlink");
  int size = 8 << 20, one = 1;
  if (setsockopt(netlink, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
    setsockopt(netlink, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt(netlink, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof one); /* else a burst ends the loop */
  char message[256];
  begin(message, sizeof message, NFQNL_MSG_CONFIG, NLM_F_ACK);
  struct nfqnl_msg_config_cmd command = {.command = NFQNL_CFG_CMD_BIND, .pf = htons(AF_INET)};
  attribute(message, NFQA_CFG_CMD, &command, sizeof command);
  configure(message, "NFQUEUE");
  begin(message, sizeof message, NFQNL_MSG_CONFIG, NLM_F_ACK);
  struct nfqnl_msg_config_params params = {.copy_range = htonl(0xffff), .copy_mode = NFQNL_COPY_PACKET};
  attribute(message, NFQA_CFG_PARAMS, &params, sizeof params);
  uint32_t most = htonl(QUEUE_MAX), open = htonl(NFQA_CFG_F_FAIL_OPEN);
  attribute(message, NFQA_CFG_QUEUE_MAXLEN, &most, sizeof most);
  attribute(message, NFQA_CFG_FLAGS, &open, sizeof open);
  attribute(message, NFQA_CFG_MASK, &open, sizeof open);
  configure(message, "NFQUEUE");
  /* Duplicates leave by this socket. Without the right to it nothing is duplicated, and everything else works. */
  raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
  int mark = MARK;
  if (raw >= 0 && setsockopt(raw, SOL_SOCKET, SO_MARK, &mark, sizeof mark) < 0) {
    close(raw);
    raw = -1;
  }
}

static void verdict(uint32_t id, uint32_t what) {
  char message[128];
  begin(message, sizeof message, NFQNL_MSG_VERDICT, 0);
  struct nfqnl_msg_verdict_hdr head = {.verdict = htonl(what), .id = htonl(id)};
  attribute(message, NFQA_VERDICT_HDR, &head, sizeof head);
  if (send(netlink, message, ((struct nlmsghdr *)message)->nlmsg_len, 0) < 0) failed("verdict");
}

static void take(uint32_t id, const unsigned char *packet, size_t bytes) {
  struct peer *peer = bytes >= sizeof(struct iphdr) ? peer_of(((const struct iphdr *)packet)->daddr, 0) : NULL;
  if (peer == NULL) return verdict(id, NF_ACCEPT);
  if (chance(peer->loss)) {
    peer->dropped++;
    return verdict(id, NF_DROP);
  }
  uint64_t now = now_ns(), leaves = now;
  if (peer->rate > 0) {
    if (peer->free_at > now + BACKLOG_NS) {
      peer->dropped++;
      return verdict(id, NF_DROP);
    }
    if (peer->free_at > now) {
      leaves = peer->free_at;
      peer->limited++;
    }
    leaves += bytes * 1000000000ull / peer->rate;
    peer->free_at = leaves;
  }
  uint64_t due = leaves + peer->delay_ns + draw(peer->jitter_ns);
  if (chance(peer->reorder)) {
    /* Before those that wait, or after the next ones where none has to wait. */
    due = peer->delay_ns + peer->jitter_ns > 0 ? leaves : leaves + REORDER_NS;
    peer->reordered++;
  } else {
    if (due < peer->last_due) due = peer->last_due; /* jitter alone keeps the order */
    peer->last_due = due;
    if (due > leaves) peer->delayed++;
  }
  if (raw >= 0 && chance(peer->duplicate)) {
    struct held copy = {.due = due, .number = numbers + 1, .address = peer->address, .bytes = bytes};
    copy.copy = malloc(bytes);
    if (copy.copy != NULL) {
      memcpy(copy.copy, packet, bytes);
      push(copy);
      peer->duplicated++;
    }
  }
  if (due <= now) {
    numbers += 2;
    return verdict(id, NF_ACCEPT);
  }
  push((struct held){.due = due, .number = numbers, .id = id, .address = peer->address});
  numbers += 2;
}

static void receive(void) {
  static char buffer[1 << 18];
  for (int i = 0; i < 64; i++) {
    int left = (int)recv(netlink, buffer, sizeof buffer, MSG_DONTWAIT);
    if (left <= 0) return;
    /* Signed: the last message may end before its alignment. */
    for (struct nlmsghdr *head = (struct nlmsghdr *)buffer;
         left >= (int)sizeof *head && head->nlmsg_len >= sizeof *head && (int)head->nlmsg_len <= left;
         head = NLMSG_NEXT(head, left)) {
      if (head->nlmsg_type != ((NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_PACKET)) continue;
      char *at = (char *)NLMSG_DATA(head) + NLMSG_ALIGN(sizeof(struct nfgenmsg)), *end = (char *)head + head->nlmsg_len;
      uint32_t id = 0;
      const unsigned char *packet = NULL;
      size_t bytes = 0;
      while (at + NLA_HDRLEN <= end) {
        struct nlattr *one = (struct nlattr *)at;
        if (one->nla_len < NLA_HDRLEN || at + one->nla_len > end) break;
        int type = one->nla_type & NLA_TYPE_MASK;
        if (type == NFQA_PACKET_HDR) id = ntohl(((struct nfqnl_msg_packet_hdr *)(at + NLA_HDRLEN))->packet_id);
        if (type == NFQA_PAYLOAD) {
          packet = (unsigned char *)at + NLA_HDRLEN;
          bytes = one->nla_len - NLA_HDRLEN;
        }
        at += NLA_ALIGN(one->nla_len);
      }
      if (id != 0) take(id, packet, bytes);
    }
  }
}

static void release(void) {
  for (uint64_t now = now_ns(); heap_count > 0 && heap[0].due <= now;) {
    struct held item = pop();
    if (item.copy == NULL) {
      verdict(item.id, NF_ACCEPT);
      continue;
    }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = item.address};
    if (sendto(raw, item.copy, item.bytes, 0, (struct sockaddr *)&to, sizeof to) < 0) {
      struct peer *peer = peer_of(item.address, 0);
      if (peer != NULL) peer->duplicated--; /* it was counted when it was meant to be sent */
      failed("duplicate");
    }
    free(item.copy);
  }
  struct itimerspec next = {0};
  if (heap_count > 0) {
    next.it_value.tv_sec = (time_t)(heap[0].due / 1000000000ull);
    next.it_value.tv_nsec = (long)(heap[0].due % 1000000000ull);
  }
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &next, NULL);
}

static void obey(char *line) {
  char word[16], text[32];
  unsigned long long delay = 0, jitter = 0, rate = 0;
  unsigned loss = 0, duplicate = 0, reorder = 0;
  struct in_addr address;
  int given = sscanf(line, "%15s %31s %llu %llu %u %u %u %llu", word, text, &delay, &jitter, &loss, &duplicate, &reorder, &rate);
  struct peer *peer = given >= 2 && inet_aton(text, &address) ? peer_of(address.s_addr, 1) : NULL;
  if (peer == NULL) {
    printf("error what is '%s'?\n", line);
  } else if (strcmp(word, "count") == 0) {
    printf("%llu %llu %llu %llu %llu\n", (unsigned long long)peer->delayed, (unsigned long long)peer->dropped,
           (unsigned long long)peer->duplicated, (unsigned long long)peer->reordered, (unsigned long long)peer->limited);
  } else if (strcmp(word, "clear") == 0 || (strcmp(word, "set") == 0 && given == 8)) {
    peer->delay_ns = delay * 1000;
    peer->jitter_ns = jitter * 1000;
    peer->loss = loss;
    peer->duplicate = duplicate;
    peer->reorder = reorder;
    peer->rate = rate;
    peer->last_due = 0;
    peer->free_at = 0;
    printf("ok\n");
  } else {
    printf("error what is '%s'?\n", line);
  }
  fflush(stdout);
}

int main(int argc, char **argv) {
  seed = (argc > 1 ? strtoull(argv[1], NULL, 10) : 1) * 2654435761ull + 88172645463325252ull;
  number_of_queue = argc > 2 ? (uint16_t)strtoul(argv[2], NULL, 10) : 0;
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (timer < 0) fail("timerfd");
  open_queue();
  printf("ready\n");
  fflush(stdout);
  char line[512];
  size_t filled = 0;
  struct pollfd watched[] = {{netlink, POLLIN, 0}, {timer, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
  for (;;) {
    if (poll(watched, 3, -1) < 0 && errno != EINTR) fail("poll");
    if (watched[1].revents) {
      uint64_t fired;
      if (read(timer, &fired, sizeof fired) < 0 && errno != EAGAIN) fail("timer");
    }
    receive();
    release();
    if (watched[2].revents) {
      ssize_t got = read(STDIN_FILENO, line + filled, sizeof line - 1 - filled);
      if (got <= 0) return 0; /* what is held is lost with the queue */
      filled += (size_t)got;
      line[filled] = 0;
      for (char *end; (end = strchr(line, '\n')) != NULL;) {
        *end = 0;
        obey(line);
        filled -= (size_t)(end + 1 - line);
        memmove(line, end + 1, filled + 1);
      }
      if (filled == sizeof line - 1) return 1; /* nobody writes such lines */
    }
  }
}
