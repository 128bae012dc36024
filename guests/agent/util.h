/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/bytes.h"

/*
 * What every file of the agent needs. Functions that can fail return 0 (or a count) or -errno and
 * leave their `ret` outputs untouched on failure.
 */
#define _cleanup_(handler) __attribute__((cleanup(handler)))

void util_freep(void *p);
void util_closep(int *fd);
void util_json_decrefp(json_t **object);

/* Milliseconds of the monotonic clock. */
int64_t util_now_ms(void);
int64_t util_now_us(void);     /* CLOCK_MONOTONIC */
int64_t util_uptime_ms(void);  /* of this kernel, time asleep included */
double util_now_fine_ms(void); /* with fractions, for latencies */
void util_sleep_ms(int ms);

/* Reads a whole file, at most `max` bytes (-EFBIG beyond). The result has a NUL after its end. */
int util_read_file(const char *path, size_t max, char **ret, size_t *ret_size);
/* A short text file without its trailing white space, or NULL: callers that can do without it. */
char *util_read_line(const char *path);
/* Opens a terminal, or a port that is none, for bytes as they are; what had come in before is
 * thrown away. A descriptor or -errno. */
int util_open_raw(const char *path);
/* The value of a word "name=value" of the kernel's command line; `name` ends in '='. -ENOENT
 * without one, or when it doesn't fit. */
int util_kernel_option(const char *name, char *ret, size_t size);
/*
 * The /dev path of the first device below `dir`, a folder of sysfs, whose attribute reads `wanted`:
 * device numbers depend on what else is plugged in. 0 or -ENODEV.
 */
int util_find_device(const char *dir, const char *attribute, const char *wanted, char *ret,
                     size_t size);
/* One write(2) of the whole text to a file that exists; a short write is -EIO. */
int util_write_file(const char *path, const void *data, size_t size);
/* Creates or replaces a file. */
int util_create_file(const char *path, const void *data, size_t size, unsigned mode);
int util_copy_file(const char *from, const char *to, unsigned mode);
/* mkdir -p of one absolute path. */
int util_mkdirs(const char *path, unsigned mode);
/* Writes all of it to a blocking descriptor. */
int util_write_all(int fd, const void *data, size_t size);

/* Sets "errno" and "errname" of `object`: null when `error` is 0. Takes errno or -errno. */
void util_json_set_errno(json_t *object, int error);
/* A string that is certainly valid UTF-8: other bytes and control characters become \xNN. */
json_t *util_json_text(const char *data, size_t size);
json_t *util_json_base64(const void *data, size_t size);
/* A member that is a string, or `fallback`. */
const char *util_json_string(const json_t *object, const char *name, const char *fallback);

/* The console's one-line messages of PID 1 and the drivers; a container's stderr. */
void util_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
