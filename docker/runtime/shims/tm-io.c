/*
 * tm-io.so: a disk that is slow to sync, or full, for one process: LD_PRELOAD it, with TM_IO naming a file of 4 × 8 bytes (of the
 * machine's own order) that both sides see at once:
 *
 *   0  nanoseconds that every fsync, fdatasync, sync_file_range and write to a file opened with O_DSYNC takes longer
 *   1  1: writing to a regular file, and reserving room, fails with ENOSPC
 *   2  counts syncs that were delayed,  3  writes that were refused
 *
 * It has no effect on programs that do not call the C library for these (static ones, Go), on io_uring, and on mapped files.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SYNC_NS, FULL, SYNCS_DELAYED, WRITES_REFUSED, FIELDS };

#define STEP_NS 2000000ull /* a sync that waits looks so often whether it still has to */

static _Atomic uint64_t *shared;

__attribute__((constructor)) static void load(void) {
  const char *path = getenv("TM_IO");
  int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *mapped = mmap(NULL, FIELDS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped == MAP_FAILED) return;
  shared = mapped;
}

/* Raw calls: a faked clock does not stretch them. */
static uint64_t now_ns(void) {
  struct timespec t;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void drag(void) {
  if (shared == NULL || atomic_load(&shared[SYNC_NS]) == 0) return;
  atomic_fetch_add(&shared[SYNCS_DELAYED], 1);
  uint64_t from = now_ns();
  for (;;) {
    uint64_t waited = now_ns() - from, most = atomic_load(&shared[SYNC_NS]);
    if (waited >= most) return;
    uint64_t left = most - waited < STEP_NS ? most - waited : STEP_NS;
    struct timespec nap = {.tv_sec = 0, .tv_nsec = (long)left};
    syscall(SYS_nanosleep, &nap, NULL);
  }
}

static int full(int file) {
  struct stat what;
  if (shared == NULL || atomic_load(&shared[FULL]) == 0) return 0;
  if (fstat(file, &what) != 0 || !S_ISREG(what.st_mode)) return 0;
  atomic_fetch_add(&shared[WRITES_REFUSED], 1);
  errno = ENOSPC;
  return 1;
}

/* Before a write: fails where there is no room; takes its time where it is a sync too. */
static int refused(int file) {
  if (shared == NULL) return 0;
  if (full(file)) return 1;
  if (atomic_load(&shared[SYNC_NS]) != 0 && (fcntl(file, F_GETFL) & O_DSYNC) != 0) drag();
  return 0;
}

int fsync(int file) {
  drag();
  return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
  drag();
  return (int)syscall(SYS_fdatasync, file);
}

int sync_file_range(int file, off64_t offset, off64_t bytes, unsigned flags) {
  drag();
  return (int)syscall(SYS_sync_file_range, file, offset, bytes, flags);
}

ssize_t write(int file, const void *data, size_t bytes) {
  return refused(file) ? -1 : syscall(SYS_write, file, data, bytes);
}

ssize_t pwrite(int file, const void *data, size_t bytes, off_t offset) {
  return refused(file) ? -1 : syscall(SYS_pwrite64, file, data, bytes, offset);
}

ssize_t pwrite64(int file, const void *data, size_t bytes, off64_t offset) {
  return refused(file) ? -1 : syscall(SYS_pwrite64, file, data, bytes, offset);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  return refused(file) ? -1 : syscall(SYS_writev, file, parts, count);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
  return refused(file) ? -1 : syscall(SYS_pwritev, file, parts, count, offset, 0);
}

ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t offset) {
  return refused(file) ? -1 : syscall(SYS_pwritev, file, parts, count, offset, 0);
}

int fallocate(int file, int mode, off_t offset, off_t bytes) {
  return full(file) ? -1 : (int)syscall(SYS_fallocate, file, mode, offset, bytes);
}

int fallocate64(int file, int mode, off64_t offset, off64_t bytes) {
  return full(file) ? -1 : (int)syscall(SYS_fallocate, file, mode, offset, bytes);
}
