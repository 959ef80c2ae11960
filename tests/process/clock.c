/* Stands between the server and the wall clock (LD_PRELOAD): the file named by CLOCK_SET says how many milliseconds it goes ahead, or behind. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    const char *file = clock == CLOCK_REALTIME ? getenv("CLOCK_SET") : NULL;
    int fd = result == 0 && file ? open(file, O_RDONLY) : -1;
    if (fd < 0) return result;
    char said[32] = "";
    if (read(fd, said, sizeof said - 1) > 0) {
        long long ns = time->tv_nsec + atoll(said) % 1000 * 1000000;
        time->tv_sec += atoll(said) / 1000 + (ns < 0 ? -1 : ns / 1000000000);
        time->tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
    }
    close(fd);
    return result;
}
