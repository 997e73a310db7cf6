// Preloaded into a process of Node: system calls on the files of one directory fail where it is told
// to, and the wall clock shows what it is told to. What to do stands in a file of 64-bit words that
// the test writes while the process runs; see control.ts. A sync that fails also takes back what was
// written to that segment since the last one: that is what a file system may do, and what a page
// cache hides from a process that reads it again.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2, RENAME = 3, OPEN = 4 };
enum { EVERYTHING = 0, CHANGELOG = 1, TABLE = 2 };

struct control {
  int64_t kind, nth, error, for_good, scope;
  int64_t counts[5];
  int64_t fired;
  int64_t clock_ns, frozen_ns;
};

static volatile struct control *control;
static const char *directory;
static int log_fd = -1;




__attribute__((constructor)) static void begin(void) {
  directory = getenv("SHIM_DIRECTORY");
  const char *path = getenv("SHIM_CONTROL"), *log = getenv("SHIM_LOG");
  int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR) : -1;
  if (fd < 0) return;
  void *at = mmap(0, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (at != MAP_FAILED) control = at;
  if (log) log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT, 0600);
}

static int of_scope(const char *path) {
  if (!control || !directory || strncmp(path, directory, strlen(directory)) != 0) return 0;
  if (control->scope == CHANGELOG) return strstr(path, "/changelog") != 0;
  if (control->scope == TABLE) return strstr(path, "/table.sqlite") != 0;
  return 1;
}

/** Whether this call is to fail; says so in the log, where the process writes what it is told. */
static int fails(int kind, const char *path) {
  if (!of_scope(path)) return 0;
  int64_t n = __sync_add_and_fetch(&control->counts[kind], 1);
  if (control->kind != kind) return 0;
  if (control->for_good ? n < control->nth : n != control->nth) return 0;
  __sync_add_and_fetch(&control->fired, 1);
  char line[PATH_MAX + 64];
  int length = snprintf(line, sizeof line, "fault %d %lld %s\n", kind, (long long)n, path);
  if (log_fd >= 0) syscall(SYS_write, log_fd, line, (size_t)length);
  errno = (int)control->error;
  return 1;
}

static const char *path_of(int fd, char *into) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, into, PATH_MAX - 1);
  into[length < 0 ? 0 : length] = 0;
  return into;
}

static int fd_fails(int kind, int fd) {
  char path[PATH_MAX];
  return control && directory && fails(kind, path_of(fd, path));
}

// What a failed sync takes back.
struct written {
  struct written *before;
  int fd;
  off_t at, size;
  size_t length;
  char bytes[];
};
static struct written *unsynced;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void remember(int fd, size_t length, off_t at) {
  char path[PATH_MAX];
  if (!control || control->kind != SYNC || !directory) return;
  if (!strstr(path_of(fd, path), ".segment") || !of_scope(path)) return;
  struct written *entry = calloc(1, sizeof *entry + length);
  struct stat stat;
  if (!entry || fstat(fd, &stat) != 0) abort();
  entry->fd = fd;
  entry->at = at;
  entry->size = stat.st_size;
  entry->length = length;
  if (pread(fd, entry->bytes, length, at) < 0) entry->length = 0;
  pthread_mutex_lock(&lock);
  entry->before = unsynced;
  unsynced = entry;
  pthread_mutex_unlock(&lock);
}

static void settle(int fd, int lost) {
  pthread_mutex_lock(&lock);
  for (struct written **at = &unsynced; *at;) {
    struct written *entry = *at;
    if (entry->fd != fd) {
      at = &entry->before;
      continue;
    }
    if (lost) {
      syscall(SYS_pwrite64, fd, entry->bytes, entry->length, entry->at);
      syscall(SYS_ftruncate, fd, entry->size);
    }
    *at = entry->before;
    free(entry);
  }
  pthread_mutex_unlock(&lock);
}

ssize_t write(int fd, const void *buffer, size_t length) {
  if (fd_fails(WRITE, fd)) return -1;
  return syscall(SYS_write, fd, buffer, length);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (fd_fails(WRITE, fd)) return -1;
  return syscall(SYS_writev, fd, parts, count);
}
ssize_t pwrite64(int fd, const void *buffer, size_t length, off_t at) {
  if (fd_fails(WRITE, fd)) return -1;
  remember(fd, length, at);
  return syscall(SYS_pwrite64, fd, buffer, length, at);
}
ssize_t pwrite(int fd, const void *buffer, size_t length, off_t at) {
  return pwrite64(fd, buffer, length, at);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at) {
  size_t length = 0;
  for (int i = 0; i < count; i++) length += parts[i].iov_len;
  if (fd_fails(WRITE, fd)) return -1;
  remember(fd, length, at);
  return syscall(SYS_pwritev, fd, parts, count, (long)at, 0L);
}
static int synced(int fd, long call) {
  int failed = fd_fails(SYNC, fd), error = errno;
  int result = failed ? -1 : (int)syscall(call, fd);
  if (unsynced) settle(fd, failed);
  if (failed) errno = error;
  return result;
}
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }
int fsync(int fd) { return synced(fd, SYS_fsync); }

int rename(const char *from, const char *to) {
  return fails(RENAME, to) ? -1 : (int)syscall(SYS_rename, from, to);
}

static int opened(int at, const char *path, int flags, mode_t mode) {
  return fails(OPEN, path) ? -1 : (int)syscall(SYS_openat, at, path, flags, mode);
}
#define MODE(flags)                                        \
  mode_t mode = 0;                                         \
  if ((flags) & (O_CREAT | O_TMPFILE)) {                   \
    va_list rest;                                          \
    va_start(rest, flags);                                 \
    mode = va_arg(rest, mode_t);                           \
    va_end(rest);                                          \
  }
int open(const char *path, int flags, ...) {
  MODE(flags)
  return opened(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  MODE(flags)
  return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

static int64_t shown(int64_t ns) {
  if (!control) return ns;
  return (control->frozen_ns ? control->frozen_ns : ns) + control->clock_ns;
}
int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = (int)syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    int64_t ns = shown(time->tv_sec * 1000000000LL + time->tv_nsec);
    time->tv_sec = ns / 1000000000LL;
    time->tv_nsec = ns % 1000000000LL;
  }
  return result;
}
int gettimeofday(struct timeval *time, void *zone) {
  struct timespec now;
  (void)zone;
  int result = clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return result;
}
