/*
 * What the data was before each write that no sync has followed yet: a ring in a file that outlives the process, one record a
 * write. A power cut is a kill, after which the records are undone, newest first.
 *
 * The file: HEAD numbers of 64 bits, {lock, first, end, writes}, and then the ring. `first` and `end` are positions that only
 * grow; a record begins at its position modulo the ring's size, at a multiple of 8, and is never split: padding goes before.
 *
 * A record, numbers of 64 bits: {bytes of it all, kind, number, device, inode, offset, length, size of the file before, when,
 * bytes of data}, and then the data: what was there before, from offset on, up to the file's end; left out where it was zeros.
 *
 * What is older than AGE_NS has reached the disk by itself, as under Linux, which writes back after 30 s (dirty_expire_centisecs),
 * and so has the oldest when the ring is full. A new file or folder is there once it, or the folder above, was synced; other changes of names (rename,
 * unlink) are taken as durable at once.
 */
enum { LOCK, FIRST, END, WRITES, HEAD = 8 };
enum { R_BYTES, R_KIND, R_NUMBER, R_DEVICE, R_INODE, R_OFFSET, R_LENGTH, R_SIZE, R_WHEN, R_DATA, R_FIELDS };
enum { PADDING, WRITTEN, DURABLE, ZEROS, CREATED /* its offset is the inode of its folder */ };

#define AGE_NS 30000000000ull
#define DATA_MAX (1u << 20) /* of what is longer, nothing is remembered: it has reached the disk at once */
#define LOCK_TRIES 2000000

static _Atomic uint64_t *journal;
static unsigned char *ring;
static uint64_t ring_bytes;

static void open_journal(const char *path) {
  struct stat what;
  int file = path == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (file < 0) return;
  void *mapped = MAP_FAILED;
  if (fstat(file, &what) == 0 && what.st_size > (off_t)(HEAD * sizeof(uint64_t)))
    mapped = mmap(NULL, (size_t)what.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped == MAP_FAILED) return;
  ring = (unsigned char *)mapped + HEAD * sizeof(uint64_t);
  ring_bytes = (uint64_t)what.st_size - HEAD * sizeof(uint64_t);
  journal = mapped;
}

static void lock(void) {
  uint64_t free = 0;
  for (int tries = 0; tries < LOCK_TRIES && !atomic_compare_exchange_weak(&journal[LOCK], &free, 1); tries++) {
    free = 0;
    sched_yield();
  }
}

static void unlock(void) { atomic_store(&journal[LOCK], 0); }

static uint64_t *record_at(uint64_t position) { return (uint64_t *)(void *)(ring + position % ring_bytes); }

/* The oldest records that matter no more are given up; all that is too old, and as many as needed for so many bytes. */
static void make_room(uint64_t bytes) {
  uint64_t first = journal[FIRST], end = journal[END], now = now_ns();
  while (first < end) {
    const uint64_t *record = record_at(first);
    int over = record[R_KIND] == PADDING || record[R_KIND] == DURABLE || now - record[R_WHEN] > AGE_NS;
    if (!over && end + bytes - first <= ring_bytes) break;
    first += record[R_BYTES];
  }
  journal[FIRST] = first;
}

/* Room for a record of so many bytes, which begins where the ring's end does not split it. */
static uint64_t *room_for(uint64_t bytes) {
  uint64_t left = ring_bytes - journal[END] % ring_bytes;
  make_room(bytes <= left ? bytes : left + bytes);
  if (bytes > left) {
    uint64_t *padding = record_at(journal[END]);
    padding[R_BYTES] = left;
    padding[R_KIND] = PADDING;
    journal[END] += left;
  }
  return record_at(journal[END]);
}

static int all_zeros(const unsigned char *data, size_t bytes) {
  for (size_t i = 0; i < bytes; i++)
    if (data[i] != 0) return 0;
  return 1;
}

/* By a descriptor that may be for writing only. */
static ssize_t read_before(int file, unsigned char *data, size_t bytes, uint64_t offset) {
  ssize_t got = syscall(SYS_pread64, file, data, bytes, offset);
  if (got >= 0 || errno != EBADF) return got;
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  int reader = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
  if (reader < 0) return -1;
  got = syscall(SYS_pread64, reader, data, bytes, offset);
  syscall(SYS_close, reader);
  return got;
}

static int is_data(int file);

static uint64_t append(uint64_t kind, const struct stat *what, uint64_t offset, uint64_t length, const void *data,
                       uint64_t kept) {
  uint64_t bytes = R_FIELDS * sizeof(uint64_t) + (kept + 7) / 8 * 8;
  lock();
  uint64_t *record = room_for(bytes), number = journal[WRITES] + 1;
  const uint64_t fields[R_FIELDS] = {bytes,  kind,   number,        what->st_dev, what->st_ino,
                                     offset, length, what->st_size, now_ns(),     kept};
  memcpy(record, fields, sizeof fields);
  if (kept > 0) memcpy(record + R_FIELDS, data, kept);
  journal[WRITES] = number;
  journal[END] += bytes; /* from here on it is there, whenever this process is killed */
  unlock();
  return number;
}

/* Remembers what [offset, offset + length) was, as far as the file reaches. 0: it is not kept. */
static uint64_t remember(int file, const struct stat *what, uint64_t offset, uint64_t length) {
  uint64_t size = (uint64_t)what->st_size;
  uint64_t known = offset >= size ? 0 : size - offset < length ? size - offset : length;
  unsigned char *before = known == 0 || known > DATA_MAX ? NULL : malloc(known);
  if (known > 0 && before == NULL) return 0;
  uint64_t number = 0;
  if (known == 0 || read_before(file, before, known, offset) == (ssize_t)known) {
    int zeros = known > 0 && all_zeros(before, known);
    number = append(zeros ? ZEROS : WRITTEN, what, offset, length, before, zeros ? 0 : known);
  }
  free(before);
  return number;
}

/* A file of the data, or a folder, that was not there before. `folder` and `path` as openat(2) has them. */
static void created(int file, int folder, const char *path) {
  struct stat what, above;
  char parent[4096];
  const char *slash = strrchr(path, '/');
  size_t bytes = slash == NULL ? 0 : (size_t)(slash - path);
  if (bytes >= sizeof parent || fstat(file, &what) != 0 || !is_data(file)) return;
  if (!S_ISREG(what.st_mode) && !S_ISDIR(what.st_mode)) return;
  memcpy(parent, path, bytes);
  strcpy(parent + bytes, slash == path ? "/" : slash == NULL ? "." : "");
  if (fstatat(folder, parent, &above, 0) == 0) append(CREATED, &what, above.st_ino, 0, NULL, 0);
}

/* Before a write of the data. The number of its record; 0: there is none. `at` -1: where the file stands, or at its end. */
static uint64_t about_to_write(int file, off64_t at, size_t bytes) {
  struct stat what;
  int was = errno;
  if (journal == NULL || bytes == 0 || fstat(file, &what) != 0 || !S_ISREG(what.st_mode) || !is_data(file)) return 0;
  int flags = fcntl(file, F_GETFL);
  if ((flags & O_APPEND) != 0) at = what.st_size;
  else if (at < 0) at = (off64_t)syscall(SYS_lseek, file, 0, SEEK_CUR);
  uint64_t record = at < 0 ? 0 : remember(file, &what, (uint64_t)at, bytes);
  errno = was;
  return record;
}

/* Before the file gets another size: what is cut off is remembered. -1: it grows. */
static void about_to_resize(int file, off64_t bytes) {
  struct stat what;
  int was = errno;
  if (journal == NULL || fstat(file, &what) != 0 || !S_ISREG(what.st_mode) || !is_data(file)) return;
  uint64_t size = (uint64_t)what.st_size, from = bytes < 0 || (uint64_t)bytes > size ? size : (uint64_t)bytes;
  remember(file, &what, from, size - from);
  errno = was;
}

static uint64_t written_so_far(void) { return journal == NULL ? 0 : atomic_load(&journal[WRITES]); }

/* All up to `last` of this file, or of new ones in this folder; of all files (inode 0); or that one write, and with it the file's name. */
static void durable(uint64_t last, const struct stat *what, uint64_t only) {
  lock();
  for (uint64_t at = journal[FIRST], end = journal[END]; at < end;) {
    uint64_t *record = record_at(at), kind = record[R_KIND];
    at += record[R_BYTES];
    if (kind == PADDING || kind == DURABLE) continue;
    int is_new = kind == CREATED;
    int same = record[R_DEVICE] == what->st_dev &&
               (record[R_INODE] == what->st_ino || (is_new && record[R_OFFSET] == what->st_ino));
    if (only != 0 ? record[R_NUMBER] == only || (is_new && same) : record[R_NUMBER] <= last && (what->st_ino == 0 || same))
      record[R_KIND] = DURABLE;
  }
  make_room(0);
  unlock();
}

/* What was written to this file up to that record is on the disk; -1: to any file. */
static void synced(int file, uint64_t last) {
  struct stat what = {0};
  int was = errno;
  if (journal == NULL || last == 0) return;
  if (file < 0 || fstat(file, &what) == 0) durable(last, &what, 0);
  errno = was;
}

/* This one write of the file is on the disk. */
static void forget(int file, uint64_t record) {
  struct stat what;
  int was = errno;
  if (fstat(file, &what) == 0) durable(0, &what, record);
  errno = was;
}
