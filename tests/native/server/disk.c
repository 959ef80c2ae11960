/* Stands between the server and the disk (LD_PRELOAD): what the file named by DISK_FAULT says happens to the database's writes and flushes.
   Without DISK_FAULT it is the file `fault` beside the database, so that databases of one process can have faults of their own.
   "full": no space is left. "room N": no file of the database grows beyond N bytes. "kept": no space is left while the ballast is there. "failing": the write fails.
   "broken": the flush fails. "held": the flush waits until the file says something else. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether the file is one of the database. Writes its path. */
static int is_database(int fd, char path[512]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, 511);
    if (length <= 0) return 0;
    path[length] = 0;
    return strstr(path, "buckler.db") != NULL;
}

/* Writes the path of a file beside the database. Its name must be shorter than the database's. */
static void beside(const char *database, const char *name, char path[512]) {
    strcpy(path, database);
    strcpy(strrchr(path, '/') + 1, name);
}

static void read_fault(const char *database, char said[32]) {
    char path[512];
    const char *file = getenv("DISK_FAULT");
    if (!file) {
        beside(database, "fault", path);
        file = path;
    }
    said[0] = 0;
    int fd = open(file, O_RDONLY);
    if (fd < 0) return;
    ssize_t length = read(fd, said, 31);
    close(fd);
    said[length > 0 ? length : 0] = 0;
}

static int is(const char *said, const char *name) { return strncmp(said, name, strlen(name)) == 0; }

static int has_ballast(const char *database) {
    char path[512];
    beside(database, "ballast", path);
    return access(path, F_OK) == 0;
}

/* Cuts a write where the file may not grow any more. Returns whether nothing of it is left. */
static int cut(int fd, off_t at, size_t *length, off_t most) {
    struct stat file;
    if (fstat(fd, &file) == 0 && file.st_size > most) most = file.st_size;
    if (at >= most) return 1;
    if (*length > (size_t)(most - at)) *length = most - at;
    return 0;
}

static int write_fails(int fd, off_t at, size_t *length) {
    char path[512], said[32];
    if (!is_database(fd, path)) return 0;
    read_fault(path, said);
    if (is(said, "full")) return ENOSPC;
    if (is(said, "kept") && has_ballast(path)) return ENOSPC;
    if (is(said, "room ") && cut(fd, at, length, atoll(said + 5))) return ENOSPC;
    if (is(said, "failing")) return EIO;
    return 0;
}

static int flush_fails(int fd) {
    char path[512], said[32];
    if (!is_database(fd, path)) return 0;
    for (read_fault(path, said); is(said, "held"); read_fault(path, said)) usleep(1000);
    return is(said, "broken") ? EIO : 0;
}

#define GUARD(result, name, arguments, failure, ...)                          \
    result name arguments {                                                   \
        static result(*real) arguments;                                       \
        if (!real) real = (result(*) arguments)dlsym(RTLD_NEXT, #name);       \
        int error = failure;                                                  \
        if (error) { errno = error; return -1; }                              \
        return real(__VA_ARGS__);                                             \
    }

GUARD(ssize_t, write, (int fd, const void *data, size_t length), write_fails(fd, lseek(fd, 0, SEEK_CUR), &length), fd, data, length)
GUARD(ssize_t, pwrite, (int fd, const void *data, size_t length, off_t at), write_fails(fd, at, &length), fd, data, length, at)
GUARD(ssize_t, pwrite64, (int fd, const void *data, size_t length, off64_t at), write_fails(fd, at, &length), fd, data, length, at)
GUARD(int, fsync, (int fd), flush_fails(fd), fd)
GUARD(int, fdatasync, (int fd), flush_fails(fd), fd)
