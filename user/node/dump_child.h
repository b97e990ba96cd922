/* SPDX-License-Identifier: Apache-2.0 */
/* One child process whose output is read. Used by dump.c. */
#ifndef WD_NODE_DUMP_CHILD_H
#define WD_NODE_DUMP_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct wd_dump_child {
	pid_t pid;    /* 0: none; also the number of its process group */
	int out, err; /* read ends, non-blocking; -1 closed */
	int status;   /* as of waitpid(2), when it was reaped */
	uint64_t cpu_ns;
	uint64_t memory; /* the most that it had at once, in bytes; when it was reaped */
};

/* Full path of a tool in one of the directories of `path`; false: none has it. */
bool wd_dump_child_find(const char *path, const char *tool, char *ret, size_t size);
/* argv[0] is a full path. memory_max: bytes of address space (RLIMIT_AS); allocating more fails in
 * the child. UINT64_MAX: as we have. Negative errno; then nothing runs. */
int wd_dump_child_start(struct wd_dump_child *c, char *const *argv, const char *path,
                        uint64_t memory_max);
/* Has it ended? Does not wait. */
bool wd_dump_child_reap(struct wd_dump_child *c);
/* Kills it and what it has started, waits for it, closes the pipes. */
void wd_dump_child_stop(struct wd_dump_child *c);

#endif
