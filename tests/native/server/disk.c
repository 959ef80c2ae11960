/* Stands between the server and the disk (LD_PRELOAD): what the file named by DISK_FAULT says happens to the database's writes and flushes.
   "full": no space is left. "kept": no space is left while the ballast is there. "broken": the flush fails. "held": the flush waits until the file says something else. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static int fault_is(const char *name) {
    char said[16] = "";
    const char *file = getenv("DISK_FAULT");
    int fd = file ? open(file, O_RDONLY) : -1;
    if (fd < 0) return 0;
    ssize_t length = read(fd, said, sizeof said - 1);
    close(fd);
    return length > 0 && strncmp(said, name, strlen(name)) == 0;
}

/* Whether the ballast is beside the database. "/ballast" is shorter than the database's name. */
static int has_ballast(char path[512]) {
    strcpy(strrchr(path, '/'), "/ballast");
    return access(path, F_OK) == 0;
}

static int fails(int fd, int flush) {
    char path[512];
    if (!is_database(fd, path)) return 0;
    if (!flush && fault_is("full")) return ENOSPC;
    if (!flush && fault_is("kept") && has_ballast(path)) return ENOSPC;
    if (flush && fault_is("broken")) return EIO;
    while (flush && fault_is("held")) usleep(1000);
    return 0;
}

#define GUARD(result, name, flush, arguments, ...)                            \
    result name arguments {                                                   \
        static result(*real) arguments;                                       \
        if (!real) real = (result(*) arguments)dlsym(RTLD_NEXT, #name);       \
        int error = fails(fd, flush);                                         \
        if (error) { errno = error; return -1; }                              \
        return real(__VA_ARGS__);                                             \
    }

GUARD(ssize_t, write, 0, (int fd, const void *data, size_t length), fd, data, length)
GUARD(ssize_t, pwrite, 0, (int fd, const void *data, size_t length, off_t at), fd, data, length, at)
GUARD(ssize_t, pwrite64, 0, (int fd, const void *data, size_t length, off64_t at), fd, data, length, at)
GUARD(int, fsync, 1, (int fd), fd)
GUARD(int, fdatasync, 1, (int fd), fd)
