/*
 * tm-io.so: a bad disk for one process: LD_PRELOAD it, with TM_IO naming a file of FIELDS × 8 bytes (of the machine's own order)
 * that both sides see at once:
 *
 *   0  nanoseconds that every fsync, fdatasync, sync_file_range and write to a file opened with O_DSYNC takes longer
 *   1  1: writing to a regular file, and reserving room, fails with ENOSPC
 *   2  counts syncs that were delayed,  3  writes that were refused
 *   4  1: syncs and writes to regular files wait until it is 0,  5  counts those that waited
 *   6  of a million reads of the data so many fail with EIO,  7  counts them
 *   8  of a million writes and syncs of the data so many fail with EIO,  9  counts them
 *
 * The data is what is below the folder TM_IO_DATA. With TM_IO_JOURNAL naming a file, that file holds what the data was before
 * each write that no sync has followed yet, so that a power cut can be made from a kill: see tm-journal.h.
 *
 * It has no effect on programs that do not call the C library for these (static ones, Go), on io_uring, and on mapped files.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SYNC_NS, FULL, SYNCS_DELAYED, WRITES_REFUSED, STALLED, STALLS, FAIL_READS, READS_FAILED, FAIL_WRITES, WRITES_FAILED };
enum { FIELDS = 16 };

#define STEP_NS 2000000ull /* what waits looks so often whether it still has to */

static _Atomic uint64_t *shared;
static const char *data_folder;

/* Raw calls: a faked clock does not stretch them. */
static uint64_t now_ns(void) {
  struct timespec t;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

#include "tm-journal.h"

__attribute__((constructor)) static void load(void) {
  const char *path = getenv("TM_IO");
  int file = path == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (file < 0) return;
  void *mapped = mmap(NULL, FIELDS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped == MAP_FAILED) return;
  data_folder = getenv("TM_IO_DATA");
  if (data_folder != NULL) open_journal(getenv("TM_IO_JOURNAL"));
  shared = mapped;
}

static void nap(uint64_t ns) {
  struct timespec t = {.tv_sec = 0, .tv_nsec = (long)ns};
  syscall(SYS_nanosleep, &t, NULL);
}

/* What every sync has to go through. */
static void drag(void) {
  if (shared == NULL) return;
  if (atomic_load(&shared[STALLED]) != 0) {
    atomic_fetch_add(&shared[STALLS], 1);
    while (atomic_load(&shared[STALLED]) != 0) nap(STEP_NS);
  }
  if (atomic_load(&shared[SYNC_NS]) == 0) return;
  atomic_fetch_add(&shared[SYNCS_DELAYED], 1);
  uint64_t from = now_ns();
  for (;;) {
    uint64_t waited = now_ns() - from, most = atomic_load(&shared[SYNC_NS]);
    if (waited >= most) return;
    nap(most - waited < STEP_NS ? most - waited : STEP_NS);
  }
}

static int is_regular(int file) {
  struct stat what;
  return fstat(file, &what) == 0 && S_ISREG(what.st_mode);
}

/* Whether this file, or folder, is below the data folder. */
static int is_data(int file) {
  if (data_folder == NULL) return 0;
  char link[40], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t bytes = readlink(link, path, sizeof path - 1);
  size_t prefix = strlen(data_folder);
  return bytes >= (ssize_t)prefix && strncmp(path, data_folder, prefix) == 0 &&
         (path[prefix] == '/' || (size_t)bytes == prefix);
}

/* xorshift64* (Vigna 2016) */
static int chance(uint64_t millionths) {
  static _Thread_local uint64_t state;
  if (millionths == 0) return 0;
  if (state == 0) state = now_ns() | 1;
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return ((state * 2685821657736338717ull) >> 11) % 1000000 < millionths;
}

static int fails(int file, int field, int counter) {
  if (shared == NULL || atomic_load(&shared[field]) == 0) return 0;
  if (!is_data(file) || !chance(atomic_load(&shared[field]))) return 0;
  atomic_fetch_add(&shared[counter], 1);
  errno = EIO;
  return 1;
}

static int full(int file) {
  if (shared == NULL || atomic_load(&shared[FULL]) == 0 || !is_regular(file)) return 0;
  atomic_fetch_add(&shared[WRITES_REFUSED], 1);
  errno = ENOSPC;
  return 1;
}

static int is_dsync(int file) { return (fcntl(file, F_GETFL) & O_DSYNC) != 0; }

/* Before a write: fails where there is no room or the disk fails; takes its time where it is a sync too. */
static int refused(int file) {
  if (shared == NULL) return 0;
  if (full(file) || fails(file, FAIL_WRITES, WRITES_FAILED)) return 1;
  int stalled = atomic_load(&shared[STALLED]) != 0 && is_regular(file);
  if (stalled || (atomic_load(&shared[SYNC_NS]) != 0 && is_dsync(file))) drag();
  return 0;
}

static int sync_by(int file, long call) {
  drag();
  if (fails(file, FAIL_WRITES, WRITES_FAILED)) return -1;
  uint64_t before = written_so_far();
  int result = (int)syscall(call, file);
  if (result == 0) synced(file, before);
  return result;
}

int fsync(int file) { return sync_by(file, SYS_fsync); }

int fdatasync(int file) { return sync_by(file, SYS_fdatasync); }

int syncfs(int file) {
  drag();
  uint64_t before = written_so_far();
  int result = (int)syscall(SYS_syncfs, file);
  if (result == 0) synced(-1, before);
  return result;
}

void sync(void) {
  drag();
  uint64_t before = written_so_far();
  syscall(SYS_sync);
  synced(-1, before);
}

/* It promises nothing after a power cut: sync_file_range(2). */
int sync_file_range(int file, off64_t offset, off64_t bytes, unsigned flags) {
  drag();
  if (fails(file, FAIL_WRITES, WRITES_FAILED)) return -1;
  return (int)syscall(SYS_sync_file_range, file, offset, bytes, flags);
}

/* `at` -1: where the file stands, or at its end. */
static ssize_t write_by(int file, off64_t at, size_t bytes, long call, const void *what, long count) {
  if (refused(file)) return -1;
  uint64_t record = about_to_write(file, at, bytes);
  ssize_t result = at < 0 ? syscall(call, file, what, count) : syscall(call, file, what, count, at, 0);
  if (record != 0 && result >= 0 && is_dsync(file)) forget(file, record);
  return result;
}

static size_t total(const struct iovec *parts, int count) {
  size_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += parts[i].iov_len;
  return bytes;
}

ssize_t write(int file, const void *data, size_t bytes) {
  return write_by(file, -1, bytes, SYS_write, data, (long)bytes);
}

ssize_t pwrite(int file, const void *data, size_t bytes, off_t offset) {
  return write_by(file, offset, bytes, SYS_pwrite64, data, (long)bytes);
}

ssize_t pwrite64(int file, const void *data, size_t bytes, off64_t offset) {
  return write_by(file, offset, bytes, SYS_pwrite64, data, (long)bytes);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  return write_by(file, -1, total(parts, count), SYS_writev, parts, count);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
  return write_by(file, offset, total(parts, count), SYS_pwritev, parts, count);
}

ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t offset) {
  return write_by(file, offset, total(parts, count), SYS_pwritev, parts, count);
}

ssize_t read(int file, void *data, size_t bytes) {
  return fails(file, FAIL_READS, READS_FAILED) ? -1 : syscall(SYS_read, file, data, bytes);
}

ssize_t pread(int file, void *data, size_t bytes, off_t offset) {
  return fails(file, FAIL_READS, READS_FAILED) ? -1 : syscall(SYS_pread64, file, data, bytes, offset);
}

ssize_t pread64(int file, void *data, size_t bytes, off64_t offset) {
  return fails(file, FAIL_READS, READS_FAILED) ? -1 : syscall(SYS_pread64, file, data, bytes, offset);
}

ssize_t readv(int file, const struct iovec *parts, int count) {
  return fails(file, FAIL_READS, READS_FAILED) ? -1 : syscall(SYS_readv, file, parts, count);
}

ssize_t preadv(int file, const struct iovec *parts, int count, off_t offset) {
  return fails(file, FAIL_READS, READS_FAILED) ? -1 : syscall(SYS_preadv, file, parts, count, offset, 0);
}

ssize_t preadv64(int file, const struct iovec *parts, int count, off64_t offset) {
  return fails(file, FAIL_READS, READS_FAILED) ? -1 : syscall(SYS_preadv, file, parts, count, offset, 0);
}

int fallocate(int file, int mode, off_t offset, off_t bytes) {
  if (full(file)) return -1;
  about_to_resize(file, -1);
  return (int)syscall(SYS_fallocate, file, mode, offset, bytes);
}

int fallocate64(int file, int mode, off64_t offset, off64_t bytes) { return fallocate(file, mode, offset, bytes); }

int ftruncate(int file, off_t bytes) {
  if (fails(file, FAIL_WRITES, WRITES_FAILED)) return -1;
  about_to_resize(file, bytes);
  return (int)syscall(SYS_ftruncate, file, bytes);
}

int ftruncate64(int file, off64_t bytes) { return ftruncate(file, bytes); }

/* Whether it is new is found out by making it; what is emptied is emptied a moment later, so that it is known what it was. */
static int open_by(int folder, const char *path, int flags, mode_t mode) {
  int tracked = journal != NULL && (flags & (O_CREAT | O_TRUNC)) != 0 && (flags & O_TMPFILE) != O_TMPFILE;
  if (!tracked) return (int)syscall(SYS_openat, folder, path, flags, mode);
  if ((flags & O_CREAT) != 0) {
    int fresh = (int)syscall(SYS_openat, folder, path, (flags & ~O_TRUNC) | O_EXCL, mode);
    if (fresh >= 0) created(fresh, folder, path);
    if (fresh >= 0 || errno != EEXIST || (flags & O_EXCL) != 0) return fresh;
  }
  int file = (int)syscall(SYS_openat, folder, path, flags & ~O_TRUNC, mode);
  if (file < 0 || (flags & O_TRUNC) == 0 || !is_regular(file)) return file;
  about_to_resize(file, 0);
  if (syscall(SYS_ftruncate, file, 0) == 0) return file;
  int why = errno;
  syscall(SYS_close, file);
  errno = why;
  return -1;
}

static mode_t mode_of(int flags, va_list rest) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

#define OPEN(name)                                    \
  int name(const char *path, int flags, ...) {        \
    va_list rest;                                     \
    va_start(rest, flags);                            \
    mode_t mode = mode_of(flags, rest);               \
    va_end(rest);                                     \
    return open_by(AT_FDCWD, path, flags, mode);      \
  }

#define OPENAT(name)                                  \
  int name(int folder, const char *path, int flags, ...) { \
    va_list rest;                                     \
    va_start(rest, flags);                            \
    mode_t mode = mode_of(flags, rest);               \
    va_end(rest);                                     \
    return open_by(folder, path, flags, mode);        \
  }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

static int mkdir_by(int folder, const char *path, mode_t mode) {
  int result = (int)syscall(SYS_mkdirat, folder, path, mode), was = errno;
  if (result != 0 || journal == NULL) return result;
  int file = (int)syscall(SYS_openat, folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (file >= 0) {
    created(file, folder, path);
    syscall(SYS_close, file);
  }
  errno = was;
  return 0;
}

int mkdir(const char *path, mode_t mode) { return mkdir_by(AT_FDCWD, path, mode); }

int mkdirat(int folder, const char *path, mode_t mode) { return mkdir_by(folder, path, mode); }
