/*
 * tm-clock.so: clocks that are off, or run fast or slow, for one process: LD_PRELOAD it, with TM_CLOCK naming a file of 64-bit
 * numbers (of the machine's own order) that both sides see at once:
 *
 *   0  odd while the rest of the first part changes
 *   1  what is added to the monotonic clocks at the instant 2 (nanoseconds of the machine's CLOCK_MONOTONIC), and
 *   3  how many millionths faster they run from then on (negative: slower)
 *   4  how many shifts of the wall clock are in force; for each, from 5 on:
 *        its offset, the millionths by which it grows, since when, and the period with which the offset comes and goes (0: stays)
 *   37 counts readings of the wall clock that were shifted by a millisecond or more,  38 readings of the monotonic clocks while
 *      they ran at another rate,  39 waits made longer or shorter,  40 readings of all kinds
 *
 * Waits are true to the clock that the process sees: what waits for 100 ms by a clock of double rate waits for 50 ms. It has no
 * effect on programs that do not ask the C library for the time (static ones, Go), and none on any other process.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { CHANGING, MONO_ADDED, MONO_SINCE, MONO_PPM, SHIFTS, FIRST, SHIFTED = 37, RATED, WAITS, READINGS, FIELDS };
enum { OFFSET, PPM, SINCE, PERIOD, SHIFT_FIELDS };

#define SHIFTS_MAX 8
#define SECOND 1000000000ll
/* An instant of more seconds than this is of the wall clock: no machine runs for 30 years. */
#define WALL_SECONDS 1000000000ll

struct skew {
  int64_t added, since, ppm, shifts, shift[SHIFTS_MAX * SHIFT_FIELDS];
};

static _Atomic int64_t *shared;
static int (*true_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void load(void) {
  const char *path = getenv("TM_CLOCK");
  int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *mapped = mmap(NULL, FIELDS * sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped == MAP_FAILED) return;
  *(void **)&true_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  shared = mapped;
}

static int64_t true_ns(clockid_t id) {
  struct timespec t;
  if (true_gettime != NULL) true_gettime(id, &t);
  else syscall(SYS_clock_gettime, id, &t);
  return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

/* What is in force; 0: nothing ever was. */
static int read_skew(struct skew *skew) {
  if (shared == NULL || atomic_load_explicit(&shared[CHANGING], memory_order_acquire) == 0) return 0;
  for (int tries = 0; tries < 100000; tries++) {
    int64_t before = atomic_load_explicit(&shared[CHANGING], memory_order_acquire);
    skew->added = atomic_load_explicit(&shared[MONO_ADDED], memory_order_relaxed);
    skew->since = atomic_load_explicit(&shared[MONO_SINCE], memory_order_relaxed);
    skew->ppm = atomic_load_explicit(&shared[MONO_PPM], memory_order_relaxed);
    skew->shifts = atomic_load_explicit(&shared[SHIFTS], memory_order_relaxed);
    if (skew->shifts > SHIFTS_MAX) skew->shifts = SHIFTS_MAX;
    for (int64_t i = 0; i < skew->shifts * SHIFT_FIELDS; i++)
      skew->shift[i] = atomic_load_explicit(&shared[FIRST + i], memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    if ((before & 1) == 0 && atomic_load_explicit(&shared[CHANGING], memory_order_relaxed) == before) return 1;
  }
  return 1; /* whoever changes it has died on the way */
}

static int64_t grown(int64_t ns, int64_t ppm) { return (int64_t)((__int128)ns * ppm / 1000000); }

static int64_t mono_added(const struct skew *skew, int64_t mono) {
  return skew->added + grown(mono - skew->since, skew->ppm);
}

static int64_t wall_added(const struct skew *skew, int64_t mono) {
  int64_t sum = 0;
  for (int64_t i = 0; i < skew->shifts; i++) {
    const int64_t *one = &skew->shift[i * SHIFT_FIELDS];
    int64_t age = mono - one[SINCE];
    if (one[PERIOD] <= 0 || age / one[PERIOD] % 2 == 0) sum += one[OFFSET];
    sum += grown(age, one[PPM]);
  }
  return sum;
}

static void count(int field) { atomic_fetch_add_explicit(&shared[field], 1, memory_order_relaxed); }

static struct timespec of_ns(int64_t ns) {
  int64_t seconds = ns / SECOND, rest = ns % SECOND;
  if (rest < 0) {
    rest += SECOND;
    seconds--;
  }
  return (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = (long)rest};
}

static int64_t ns_of(const struct timespec *t) { return (int64_t)t->tv_sec * SECOND + t->tv_nsec; }

int clock_gettime(clockid_t id, struct timespec *t) {
  struct skew skew;
  int wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI;
  int mono = id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE || id == CLOCK_MONOTONIC_RAW || id == CLOCK_BOOTTIME;
  int result = true_gettime != NULL ? true_gettime(id, t) : (int)syscall(SYS_clock_gettime, id, t);
  if (result != 0 || (!wall && !mono) || shared == NULL) return result;
  count(READINGS);
  if (!read_skew(&skew)) return 0;
  int64_t now = id == CLOCK_MONOTONIC ? ns_of(t) : true_ns(CLOCK_MONOTONIC);
  int64_t added = wall ? wall_added(&skew, now) : mono_added(&skew, now);
  if (wall && (added >= 1000000 || added <= -1000000)) count(SHIFTED);
  if (mono && skew.ppm != 0) count(RATED);
  *t = of_ns(ns_of(t) + added);
  return 0;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
  struct timespec fine;
  if (zone != NULL) syscall(SYS_gettimeofday, NULL, zone);
  clock_gettime(CLOCK_REALTIME, &fine);
  t->tv_sec = fine.tv_sec;
  t->tv_usec = fine.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *at) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  if (at != NULL) *at = t.tv_sec;
  return t.tv_sec;
}

/* How long to wait in truth, so that the process's own clock advances by `ns`. */
static int64_t true_wait(int64_t ns) {
  struct skew skew;
  if (ns <= 0 || !read_skew(&skew) || skew.ppm == 0) return ns;
  count(WAITS);
  int64_t rate = 1000000 + skew.ppm;
  return (int64_t)(((__int128)ns * 1000000 + rate - 1) / rate);
}

static int true_wait_ms(int ms) {
  if (ms <= 0) return ms;
  int64_t wait = (true_wait((int64_t)ms * 1000000) + 999999) / 1000000;
  return wait > INT32_MAX ? INT32_MAX : (int)wait;
}

/* The true instant at which the process's clock will show this one. */
static struct timespec true_instant(const struct timespec *shown) {
  struct skew skew;
  if (shown->tv_nsec < 0 || shown->tv_nsec >= SECOND || !read_skew(&skew)) return *shown;
  int64_t at = ns_of(shown), now = true_ns(CLOCK_MONOTONIC);
  if (shown->tv_sec > WALL_SECONDS) return of_ns(at - wall_added(&skew, now));
  if (skew.ppm != 0) count(WAITS);
  /* at = t + added + (t - since) × ppm */
  __int128 scaled = (__int128)(at - skew.added - skew.since) * 1000000 / (1000000 + skew.ppm);
  return of_ns(skew.since + (int64_t)scaled);
}

int epoll_wait(int set, struct epoll_event *events, int most, int ms) {
  static int (*next)(int, struct epoll_event *, int, int);
  if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "epoll_wait");
  return next(set, events, most, true_wait_ms(ms));
}

int epoll_pwait(int set, struct epoll_event *events, int most, int ms, const sigset_t *mask) {
  static int (*next)(int, struct epoll_event *, int, int, const sigset_t *);
  if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "epoll_pwait");
  return next(set, events, most, true_wait_ms(ms), mask);
}

int poll(struct pollfd *files, nfds_t n, int ms) {
  static int (*next)(struct pollfd *, nfds_t, int);
  if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "poll");
  return next(files, n, true_wait_ms(ms));
}

int select(int n, fd_set *in, fd_set *out, fd_set *odd, struct timeval *wait) {
  static int (*next)(int, fd_set *, fd_set *, fd_set *, struct timeval *);
  if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "select");
  if (wait == NULL) return next(n, in, out, odd, NULL);
  int64_t ns = true_wait((int64_t)wait->tv_sec * SECOND + (int64_t)wait->tv_usec * 1000);
  struct timeval truly = {.tv_sec = (time_t)(ns / SECOND), .tv_usec = (suseconds_t)(ns % SECOND / 1000)};
  return next(n, in, out, odd, &truly);
}

int nanosleep(const struct timespec *wait, struct timespec *left) {
  struct timespec truly = of_ns(true_wait(ns_of(wait)));
  return (int)syscall(SYS_nanosleep, &truly, left);
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *wait, struct timespec *left) {
  struct timespec truly = (flags & TIMER_ABSTIME) != 0 ? true_instant(wait) : of_ns(true_wait(ns_of(wait)));
  return syscall(SYS_clock_nanosleep, id, flags, &truly, left) == 0 ? 0 : errno;
}

int usleep(useconds_t us) {
  struct timespec wait = of_ns((int64_t)us * 1000);
  return nanosleep(&wait, NULL);
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
  static int (*next)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
  if (next == NULL) *(void **)&next = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  struct timespec truly = true_instant(until);
  return next(cond, mutex, &truly);
}

int pthread_cond_clockwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex, clockid_t id,
                           const struct timespec *restrict until) {
  static int (*next)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);
  if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
  if (next == NULL) return ENOSYS;
  struct timespec truly = true_instant(until);
  return next(cond, mutex, id, &truly);
}

int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict until) {
  static int (*next)(sem_t *, const struct timespec *);
  if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "sem_timedwait");
  struct timespec truly = true_instant(until);
  return next(sem, &truly);
}
