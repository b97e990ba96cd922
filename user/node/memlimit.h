/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory this process and its children may use together: the limit of its own cgroup,
 * as a container or a service has one. Limits of cgroups above it are not looked at.
 */
#ifndef WD_NODE_MEMLIMIT_H
#define WD_NODE_MEMLIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* proc, sys: "/proc", "/sys". Bytes; UINT64_MAX: none, or it cannot be read. */
uint64_t wd_memlimit_read(const char *proc, const char *sys);

/*
 * Pure. The path of the cgroup that limits memory in the text of /proc/self/cgroup (cgroups(7)):
 * that of the v1 hierarchy "memory" if there is one, else of v2. -ENOENT, -EINVAL (a path that
 * goes up, as that of a cgroup outside of the own namespace does), -ENAMETOOLONG.
 */
int wd_memlimit_cgroup(const char *text, size_t n, char *ret, size_t size, bool *ret_v1);
/* Content of memory.max or memory.limit_in_bytes; -EINVAL. "max" is UINT64_MAX; v1 writes a number
 * near 2^63 instead, which needs no care. */
int wd_memlimit_value(const char *text, size_t n, uint64_t *ret);

#endif
