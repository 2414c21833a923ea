/*
 * Records what a process does to the files below one directory, in the order in which it does it: for
 * LD_PRELOAD, and read by power_loss.py.
 *
 * RECORDER_ROOT names the directory, RECORDER_TRACE a file that exists, with the size that the trace may have.
 * The trace is mapped into memory, so that a killed process leaves all that it did. It begins with a
 * page of numbers (`struct head`), in which a client finds how far the trace has come at a moment, and in which it
 * asks for a sync that fails. A record is written before the call and marked when the call is over: the one that a
 * kill interrupted is known as such.
 *
 * All calls but syncs are made one after the other, so the order of the records is that of the effects. A sync has
 * a record of its beginning and one of its end: it covers what was recorded before it began. The index of a
 * write-ahead log (*-shm) is shared memory that is made anew after a power loss, and is left out. Calls that
 * change a file in a way that is not recorded leave the record `UNSEEN`, which the reader takes for an error.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind {
    START = 1, CREATE, WRITE, SIZE, RENAME, UNLINK, MKDIR, RMDIR, SYNC_BEGIN, SYNC_END, UNSEEN
};

/* What happens to a sync of the log's files other than that it is made. */
enum mode {
    HONEST = 0,
    /* It is not made, and not recorded, and said to be made. */
    DROP = 1,
    /* It is said to be made at once, and its end comes later. */
    LATE = 2
};

/* What the client asks for in `fault`. */
enum fault { NONE = 0, FAIL = 1, FAIL_AND_KILL = 2 };

struct head {
    uint64_t magic, records, end, syncs;
    uint64_t mode, late_us;
    /* The next sync of the file with the name `fault_name` fails; `faults` counts those that did. */
    uint64_t fault, faults;
    char fault_name[64];
};

struct record {
    uint32_t kind, thread;
    uint64_t number;
    /* The inode. */
    uint64_t file;
    /* WRITE: offset; SIZE: the size; SYNC_END: the number of its beginning. */
    uint64_t value;
    int64_t result;
    uint32_t bytes, done;
};

#define MAGIC 0x7265776f70626421ULL
#define FIRST 4096
#define FILES_MAX 4096
#define NAME_MAX_BYTES 64

/* A file below the root. Found by its inode; the name is the last one it had. */
struct file {
    ino_t inode;
    char name[NAME_MAX_BYTES];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct head *head;
static uint64_t capacity;
static char root[PATH_MAX];
static size_t root_length;
static dev_t device;
static struct file files[FILES_MAX];
static size_t files_count;

#define REAL(result, name, ...) \
    static result (*name##_real)(__VA_ARGS__); \
    static result (*real_##name(void))(__VA_ARGS__) { \
        if (!name##_real) *(void **)&name##_real = dlsym(RTLD_NEXT, #name); \
        return name##_real; \
    }

REAL(int, openat64, int, const char *, int, ...)
REAL(ssize_t, write, int, const void *, size_t)
REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)
REAL(ssize_t, writev, int, const struct iovec *, int)
REAL(ssize_t, pwritev64, int, const struct iovec *, int, off64_t)
REAL(int, ftruncate64, int, off64_t)
REAL(int, renameat, int, const char *, int, const char *)
REAL(int, unlinkat, int, const char *, int)
REAL(int, linkat, int, const char *, int, const char *, int)
REAL(int, mkdirat, int, const char *, mode_t)
REAL(int, fsync, int)
REAL(int, fdatasync, int)
REAL(void *, mmap64, void *, size_t, int, int, int, off64_t)
REAL(int, fallocate64, int, int, off64_t, off64_t)

static void die(const char *why) {
    /* Not with write(), which is ours. */
    syscall(SYS_write, 2, why, strlen(why));
    syscall(SYS_write, 2, "\n", 1);
    abort();
}

static struct record *record(enum kind kind, uint64_t file, uint64_t value, const void *data, size_t bytes) {
    uint64_t size = sizeof(struct record) + ((bytes + 7) & ~(uint64_t)7);
    if (head->end + size > capacity) die("recorder: the trace is full");
    struct record *made = (struct record *)((char *)head + head->end);
    *made = (struct record){
        .kind = kind, .thread = (uint32_t)syscall(SYS_gettid), .number = head->records, .file = file,
        .value = value, .bytes = (uint32_t)bytes,
    };
    if (bytes) memcpy(made + 1, data, bytes);
    head->end += size;
    __atomic_store_n(&head->records, head->records + 1, __ATOMIC_RELEASE);
    return made;
}

static void finish(struct record *made, int64_t result) {
    made->result = result;
    __atomic_store_n(&made->done, 1, __ATOMIC_RELEASE);
}

static void start(void) {
    const char *trace = getenv("RECORDER_TRACE"), *below = getenv("RECORDER_ROOT");
    if (!trace || !below || !realpath(below, root)) return;
    root_length = strlen(root);
    struct stat found;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, trace, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0 || fstat(fd, &found) || found.st_size <= FIRST) die("recorder: there is no trace");
    capacity = (uint64_t)found.st_size;
    void *mapped = real_mmap64()(NULL, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED || stat(root, &found)) die("recorder: the trace cannot be mapped");
    syscall(SYS_close, fd);
    device = found.st_dev;
    files[files_count++] = (struct file){.inode = found.st_ino, .name = ""};
    struct head *known = mapped;
    if (known->magic != MAGIC) {
        known->magic = MAGIC;
        known->end = FIRST;
    }
    head = known;
    pthread_mutex_lock(&lock);
    finish(record(START, found.st_ino, (uint64_t)getpid(), NULL, 0), 0);
    pthread_mutex_unlock(&lock);
}

static int records(void) {
    pthread_once(&once, start);
    return head != NULL;
}

/* The place below the root that a path names, in `place`; false if it is elsewhere. */
static int below_root(int at, const char *path, char *place) {
    char whole[2 * PATH_MAX];
    if (!records() || !path) return 0;
    if (path[0] == '/') {
        snprintf(whole, sizeof whole, "%s", path);
    } else {
        char link[64];
        if (at == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t length = readlink(link, whole, PATH_MAX - 1);
        if (length <= 0) return 0;
        snprintf(whole + length, sizeof whole - (size_t)length, "/%s", path);
    }
    if (strncmp(whole, root, root_length) || (whole[root_length] && whole[root_length] != '/')) return 0;
    const char *rest = whole + root_length;
    while (*rest == '/') rest++;
    snprintf(place, PATH_MAX, "%s", rest);
    for (size_t length = strlen(place); length && place[length - 1] == '/'; length--) place[length - 1] = 0;
    return 1;
}

static int is_index(const char *place) {
    size_t length = strlen(place);
    return length > 4 && !strcmp(place + length - 4, "-shm");
}

static struct file *known(ino_t inode) {
    for (size_t nth = files_count; nth-- > 0;)
        if (files[nth].inode == inode) return &files[nth];
    return NULL;
}

static void remember(ino_t inode, const char *place) {
    struct file *file = known(inode);
    const char *name = strrchr(place, '/');
    if (!file) {
        if (files_count == FILES_MAX) die("recorder: too many files");
        file = &files[files_count++];
    }
    file->inode = inode;
    snprintf(file->name, sizeof file->name, "%s", name ? name + 1 : place);
}


/* The file that is recorded under a descriptor; called with the lock held. */
static struct file *file_of(int fd, struct stat *found) {
    if (fstat(fd, found) || found->st_dev != device) return NULL;
    if (!S_ISREG(found->st_mode) && !S_ISDIR(found->st_mode)) return NULL;
    return known(found->st_ino);
}

/* A file that is not recorded may have got the inode of one that was. */
static void forget(int fd) {
    struct stat found;
    pthread_mutex_lock(&lock);
    struct file *file = file_of(fd, &found);
    if (file && file != files) *file = files[--files_count];
    pthread_mutex_unlock(&lock);
}

static void unseen(uint64_t inode, const char *what) {
    finish(record(UNSEEN, inode, 0, what, strlen(what)), 0);
}

static int open_file(int at, const char *path, int flags, mode_t mode) {
    char place[PATH_MAX];
    struct stat before, after;
    if (!below_root(at, path, place) || is_index(place)) {
        int fd = real_openat64()(at, path, flags, mode);
        if (fd >= 0 && flags & O_CREAT && records()) forget(fd);
        return fd;
    }
    pthread_mutex_lock(&lock);
    int was_there = !fstatat(at, path, &before, 0);
    int fd = real_openat64()(at, path, flags, mode);
    int why = errno;
    if (fd >= 0 && !fstat(fd, &after)) {
        if (flags & O_TMPFILE & ~O_DIRECTORY) unseen(after.st_ino, "O_TMPFILE");
        else if (!was_there) finish(record(CREATE, after.st_ino, 0, place, strlen(place)), 0);
        remember(after.st_ino, place);
        if (was_there && flags & O_TRUNC && before.st_size) finish(record(SIZE, after.st_ino, 0, NULL, 0), 0);
    }
    pthread_mutex_unlock(&lock);
    errno = why;
    return fd;
}

#define MODE_OF(flags, mode) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...) { MODE_OF(flags, mode) return open_file(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags, mode) return open_file(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE_OF(flags, mode) return open_file(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE_OF(flags, mode) return open_file(at, path, flags, mode); }
int __open_2(const char *path, int flags) { return open_file(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_file(AT_FDCWD, path, flags, 0); }
int __openat_2(int at, const char *path, int flags) { return open_file(at, path, flags, 0); }
int __openat64_2(int at, const char *path, int flags) { return open_file(at, path, flags, 0); }
int creat(const char *path, mode_t mode) { return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

/* Where a write without an offset goes. */
static off64_t end_of(int fd, const struct stat *found) {
    return fcntl(fd, F_GETFL) & O_APPEND ? found->st_size : lseek64(fd, 0, SEEK_CUR);
}

/* Makes a write; `positioned` says that the offset was given. */
static ssize_t write_file(int fd, const void *data, size_t bytes, int positioned, off64_t offset) {
    struct stat found;
    if (!records()) return positioned ? real_pwrite64()(fd, data, bytes, offset) : real_write()(fd, data, bytes);
    pthread_mutex_lock(&lock);
    struct file *file = file_of(fd, &found);
    struct record *made = NULL;
    if (file) {
        if (!positioned) offset = end_of(fd, &found);
        made = record(WRITE, file->inode, (uint64_t)offset, data, bytes);
    } else {
        pthread_mutex_unlock(&lock);
    }
    ssize_t result = positioned ? real_pwrite64()(fd, data, bytes, offset) : real_write()(fd, data, bytes);
    if (made) {
        int why = errno;
        finish(made, result);
        pthread_mutex_unlock(&lock);
        errno = why;
    }
    return result;
}

static ssize_t write_parts(int fd, const struct iovec *parts, int count, int positioned, off64_t offset) {
    struct stat found;
    int ours = 0;
    if (records()) {
        pthread_mutex_lock(&lock);
        ours = file_of(fd, &found) != NULL;
        pthread_mutex_unlock(&lock);
    }
    if (!ours) return positioned ? real_pwritev64()(fd, parts, count, offset) : real_writev()(fd, parts, count);
    ssize_t total = 0;
    for (int nth = 0; nth < count; nth++) {
        ssize_t part = write_file(fd, parts[nth].iov_base, parts[nth].iov_len, positioned, offset + total);
        if (part < 0) return total ? total : part;
        total += part;
        if ((size_t)part < parts[nth].iov_len) break;
    }
    return total;
}

ssize_t write(int fd, const void *data, size_t bytes) { return write_file(fd, data, bytes, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at) { return write_file(fd, data, bytes, 1, at); }
ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at) { return write_file(fd, data, bytes, 1, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) { return write_parts(fd, parts, count, 0, 0); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return write_parts(fd, parts, count, 1, at); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
    return write_parts(fd, parts, count, 1, at);
}

/* Callers then read and write, which is recorded. */
ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t bytes, unsigned flags) {
    (void)in, (void)in_at, (void)out, (void)out_at, (void)bytes, (void)flags;
    errno = EXDEV;
    return -1;
}

ssize_t sendfile64(int out, int in, off64_t *at, size_t bytes) {
    (void)out, (void)in, (void)at, (void)bytes;
    errno = ENOSYS;
    return -1;
}
ssize_t sendfile(int out, int in, off_t *at, size_t bytes) { return sendfile64(out, in, at, bytes); }

int ftruncate64(int fd, off64_t size) {
    struct stat found;
    if (!records()) return real_ftruncate64()(fd, size);
    pthread_mutex_lock(&lock);
    struct file *file = file_of(fd, &found);
    struct record *made = file ? record(SIZE, file->inode, (uint64_t)size, NULL, 0) : NULL;
    int result = real_ftruncate64()(fd, size), why = errno;
    if (made) finish(made, result);
    pthread_mutex_unlock(&lock);
    errno = why;
    return result;
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int fallocate64(int fd, int mode, off64_t at, off64_t bytes) {
    struct stat found;
    if (records()) {
        pthread_mutex_lock(&lock);
        struct file *file = file_of(fd, &found);
        if (file) unseen(file->inode, "fallocate");
        pthread_mutex_unlock(&lock);
    }
    return real_fallocate64()(fd, mode, at, bytes);
}
int fallocate(int fd, int mode, off_t at, off_t bytes) { return fallocate64(fd, mode, at, bytes); }
int posix_fallocate64(int fd, off64_t at, off64_t bytes) { return fallocate64(fd, 0, at, bytes) ? errno : 0; }
int posix_fallocate(int fd, off_t at, off_t bytes) { return posix_fallocate64(fd, at, bytes); }

void *mmap64(void *where, size_t bytes, int protection, int flags, int fd, off64_t at) {
    struct stat found;
    if (fd >= 0 && protection & PROT_WRITE && flags & MAP_SHARED && records()) {
        pthread_mutex_lock(&lock);
        struct file *file = file_of(fd, &found);
        if (file) unseen(file->inode, "a writable mapping");
        pthread_mutex_unlock(&lock);
    }
    return real_mmap64()(where, bytes, protection, flags, fd, at);
}
void *mmap(void *where, size_t bytes, int protection, int flags, int fd, off_t at) {
    return mmap64(where, bytes, protection, flags, fd, at);
}

static int rename_file(int from_at, const char *from, int to_at, const char *to) {
    char one[PATH_MAX], other[PATH_MAX], both[2 * PATH_MAX];
    int ours = below_root(from_at, from, one), theirs = below_root(to_at, to, other);
    if (!ours && !theirs) return real_renameat()(from_at, from, to_at, to);
    pthread_mutex_lock(&lock);
    struct stat found;
    int there = !fstatat(from_at, from, &found, AT_SYMLINK_NOFOLLOW);
    int result = real_renameat()(from_at, from, to_at, to), why = errno;
    if (!result && there) {
        size_t length = (size_t)snprintf(both, sizeof both, "%s", one) + 1;
        length += (size_t)snprintf(both + length, sizeof both - length, "%s", other);
        if (ours && theirs) finish(record(RENAME, found.st_ino, 0, both, length), 0);
        else unseen(found.st_ino, "a rename across the root");
        remember(found.st_ino, other);
    }
    pthread_mutex_unlock(&lock);
    errno = why;
    return result;
}
int rename(const char *from, const char *to) { return rename_file(AT_FDCWD, from, AT_FDCWD, to); }
int renameat(int from_at, const char *from, int to_at, const char *to) { return rename_file(from_at, from, to_at, to); }

static int remove_file(int at, const char *path, int flags) {
    char place[PATH_MAX];
    if (!below_root(at, path, place) || is_index(place)) return real_unlinkat()(at, path, flags);
    pthread_mutex_lock(&lock);
    struct stat found;
    int there = !fstatat(at, path, &found, AT_SYMLINK_NOFOLLOW);
    int result = real_unlinkat()(at, path, flags), why = errno;
    if (!result && there) {
        enum kind kind = flags & AT_REMOVEDIR ? RMDIR : UNLINK;
        finish(record(kind, found.st_ino, 0, place, strlen(place)), 0);
    }
    pthread_mutex_unlock(&lock);
    errno = why;
    return result;
}
int unlinkat(int at, const char *path, int flags) { return remove_file(at, path, flags); }
int unlink(const char *path) { return remove_file(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return remove_file(AT_FDCWD, path, AT_REMOVEDIR); }

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    char place[PATH_MAX];
    if (below_root(to_at, to, place)) {
        pthread_mutex_lock(&lock);
        unseen(0, "a link");
        pthread_mutex_unlock(&lock);
    }
    return real_linkat()(from_at, from, to_at, to, flags);
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int mkdirat(int at, const char *path, mode_t mode) {
    char place[PATH_MAX];
    struct stat found;
    if (!below_root(at, path, place)) return real_mkdirat()(at, path, mode);
    pthread_mutex_lock(&lock);
    int result = real_mkdirat()(at, path, mode), why = errno;
    if (!result && !fstatat(at, path, &found, 0)) {
        finish(record(MKDIR, found.st_ino, 0, place, strlen(place)), 0);
        remember(found.st_ino, place);
    }
    pthread_mutex_unlock(&lock);
    errno = why;
    return result;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

struct late { uint64_t inode, begin; };

static void *end_late(void *argument) {
    struct late *late = argument;
    struct timespec pause = {(time_t)(head->late_us / 1000000), (long)(head->late_us % 1000000) * 1000};
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&lock);
    finish(record(SYNC_END, late->inode, late->begin, NULL, 0), 0);
    pthread_mutex_unlock(&lock);
    free(late);
    return NULL;
}

/* Says at once that it is done, and ends it later. */
static int sync_late(uint64_t inode, uint64_t begin) {
    struct late *late = malloc(sizeof *late);
    pthread_t thread;
    *late = (struct late){inode, begin};
    if (pthread_create(&thread, NULL, end_late, late)) die("recorder: no thread");
    pthread_detach(thread);
    return 0;
}

static int sync_file(int fd, int (*real)(int)) {
    struct stat found;
    if (!records()) return real(fd);
    pthread_mutex_lock(&lock);
    struct file *file = file_of(fd, &found);
    if (!file) {
        pthread_mutex_unlock(&lock);
        return real(fd);
    }
    ino_t inode = file->inode;
    int of_log = !strcmp(file->name, "log.db-wal");
    if (of_log && head->mode == DROP) {
        pthread_mutex_unlock(&lock);
        return 0;
    }
    head->syncs++;
    struct record *made = record(SYNC_BEGIN, inode, 0, file->name, strlen(file->name));
    uint64_t begin = made->number;
    finish(made, 0);
    uint64_t fault = head->fault;
    if (fault && !strcmp(file->name, head->fault_name)) {
        head->fault = NONE;
        finish(record(SYNC_END, inode, begin, NULL, 0), -EIO);
        head->faults++;
        if (fault == FAIL_AND_KILL) raise(SIGKILL);
        pthread_mutex_unlock(&lock);
        errno = EIO;
        return -1;
    }
    pthread_mutex_unlock(&lock);
    if (of_log && head->mode == LATE) return sync_late(inode, begin);
    int result = real(fd), why = errno;
    pthread_mutex_lock(&lock);
    finish(record(SYNC_END, inode, begin, NULL, 0), result ? -why : 0);
    pthread_mutex_unlock(&lock);
    errno = why;
    return result;
}

int fsync(int fd) { return sync_file(fd, real_fsync()); }
int fdatasync(int fd) { return sync_file(fd, real_fdatasync()); }
