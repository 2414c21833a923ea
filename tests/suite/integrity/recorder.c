/* Records what a program writes and syncs below RECORD_DIR into the file RECORD_TO, in order, so that
 * power losses can be replayed from it. Loaded with LD_PRELOAD.
 *
 * A record: op (1 byte), thread (8), offset or length (8), bytes of the path (4), bytes of the data (4),
 * path, data; integers are little-endian. Ops: w write, t truncate, b sync begins, f sync ended,
 * u unlink, r rename (the data is the new path). A write is recorded before it is done, the end of a
 * sync after it. RECORD_SLOW_WITNESS_US delays each write to log.witness. While there is a file
 * RECORD_FAIL_SYNC, the next sync of a file whose name ends with what it contains fails, and removes it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace = -1;

static ssize_t real_write(int fd, const void *data, size_t bytes) {
    return syscall(SYS_write, fd, data, bytes);
}

static void record(char op, uint64_t at, const char *path, const void *data, uint32_t bytes) {
    if (trace < 0) {
        const char *to = getenv("RECORD_TO");
        if (!to) return;
        trace = open(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (trace < 0) abort();
    }
    uint32_t path_bytes = strlen(path);
    size_t whole = 25 + path_bytes + bytes;
    char *out = malloc(whole);
    if (!out) abort();
    uint64_t thread = (uint64_t)syscall(SYS_gettid);
    out[0] = op;
    memcpy(out + 1, &thread, 8);
    memcpy(out + 9, &at, 8);
    memcpy(out + 17, &path_bytes, 4);
    memcpy(out + 21, &bytes, 4);
    memcpy(out + 25, path, path_bytes);
    if (bytes) memcpy(out + 25 + path_bytes, data, bytes);
    if (real_write(trace, out, whole) != (ssize_t)whole) abort();
    free(out);
}

/* The path of an open file, if it is one to record. */
static int recorded(int fd, char *path) {
    const char *dir = getenv("RECORD_DIR");
    char link[64];
    if (!dir || fd < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strncmp(path, dir, strlen(dir)) == 0;
}

static void slow(const char *path) {
    const char *us = getenv("RECORD_SLOW_WITNESS_US");
    size_t length = strlen(path);
    if (us && length > 11 && strcmp(path + length - 11, "log.witness") == 0) usleep(atoi(us));
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset) {
    char path[PATH_MAX];
    if (!recorded(fd, path)) return syscall(SYS_pwrite64, fd, data, bytes, offset);
    slow(path);
    pthread_mutex_lock(&lock);
    record('w', offset, path, data, bytes);
    ssize_t done = syscall(SYS_pwrite64, fd, data, bytes, offset);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset) {
    return pwrite64(fd, data, bytes, offset);
}

ssize_t write(int fd, const void *data, size_t bytes) {
    char path[PATH_MAX];
    if (!recorded(fd, path)) return real_write(fd, data, bytes);
    slow(path);
    pthread_mutex_lock(&lock);
    record('w', lseek(fd, 0, SEEK_CUR), path, data, bytes);
    ssize_t done = real_write(fd, data, bytes);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate64(int fd, off64_t length) {
    char path[PATH_MAX];
    if (!recorded(fd, path)) return syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&lock);
    record('t', length, path, NULL, 0);
    int done = syscall(SYS_ftruncate, fd, length);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* Whether this sync of that file is to fail. */
static int fails(const char *path) {
    const char *asked = getenv("RECORD_FAIL_SYNC");
    int fd = asked ? open(asked, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return 0;
    char end[64];
    ssize_t bytes = read(fd, end, sizeof end);
    close(fd);
    ssize_t length = strlen(path);
    if (bytes <= 0 || bytes > length || memcmp(path + length - bytes, end, bytes)) return 0;
    return syscall(SYS_unlink, asked) == 0;
}

static int synced(int fd, long call) {
    char path[PATH_MAX];
    if (!recorded(fd, path)) return syscall(call, fd);
    pthread_mutex_lock(&lock);
    record('b', 0, path, NULL, 0);
    pthread_mutex_unlock(&lock);
    if (fails(path)) {
        errno = EIO;
        return -1;
    }
    int done = syscall(call, fd);
    pthread_mutex_lock(&lock);
    if (done == 0) record('f', 0, path, NULL, 0);
    pthread_mutex_unlock(&lock);
    return done;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }

int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

int unlink(const char *path) {
    const char *dir = getenv("RECORD_DIR");
    if (!dir || strncmp(path, dir, strlen(dir)) != 0) return syscall(SYS_unlink, path);
    pthread_mutex_lock(&lock);
    record('u', 0, path, NULL, 0);
    int done = syscall(SYS_unlink, path);
    pthread_mutex_unlock(&lock);
    return done;
}

int rename(const char *from, const char *to) {
    const char *dir = getenv("RECORD_DIR");
    if (!dir || strncmp(from, dir, strlen(dir)) != 0) return syscall(SYS_rename, from, to);
    pthread_mutex_lock(&lock);
    record('r', 0, from, to, strlen(to));
    int done = syscall(SYS_rename, from, to);
    pthread_mutex_unlock(&lock);
    return done;
}
