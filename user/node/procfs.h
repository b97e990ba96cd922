/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and reading of files below /proc, and the pace at which the caches of this
 * room may look again. No state.
 *
 * A directory /proc/PID that is held open belongs to one process: once that is gone,
 * everything below it fails with ESRCH, even if its number was given to another.
 */
#ifndef WD_NODE_PROCFS_H
#define WD_NODE_PROCFS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Opens dir/<pid> as a directory; the file descriptor, or negative errno. */
int wd_procfs_open_pid(int dir, uint32_t pid);

/* Inode of the network namespace of the process whose directory this is; 0: unreadable. */
uint32_t wd_procfs_netns(int pid_dir);
/* The same by pid; 0 with errno set. For scans: opens nothing. */
uint32_t wd_procfs_netns_of(int dir, uint32_t pid);

/* Start of the process, in nanoseconds of CLOCK_BOOTTIME, rounded down to a clock tick. */
int wd_procfs_start_ns(int pid_dir, uint64_t *ret);

/* Replaces the content of b by that of a file, up to the cap of b. 0: it is whole;
 * 1: it was cut at the cap; or negative errno. */
int wd_procfs_read(int dir, const char *path, struct wd_buf *b);

/* The number that a directory entry of /proc is; 0: it is no process. */
uint32_t wd_procfs_pid(const char *name);

/* CLOCK_BOOTTIME now. */
uint64_t wd_procfs_boottime_ns(void);

/*
 * When a cache may be read again: after max_age at once, after min_age when something
 * was asked that it lacks, and in no case so often that reading takes more than a
 * twentieth of the time.
 */
struct wd_pace {
	uint64_t last_ns; /* end of the last reading, CLOCK_MONOTONIC; 0 never */
	uint64_t cost_ns; /* how long it took */
};

#define WD_PACE_MAX_AGE_NS 1000000000ull
#define WD_PACE_MIN_AGE_NS 200000000ull

bool wd_pace_due(const struct wd_pace *p, uint64_t now, bool missed);
/* Notes a reading that began at start_ns and ends now. */
void wd_pace_done(struct wd_pace *p, uint64_t start_ns);

#endif
