/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup v2 id to pod uid and container, for processes that have ended: their container's cgroup
 * often lives on. The id is the inode of the directory (kernel: kernfs_id, 64-bit), never given
 * twice. Only the directories of pods are remembered.
 */
#ifndef WD_NODE_CGROUPS_H
#define WD_NODE_CGROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/podpath.h"
#include "node/procfs.h"

/* Limits of one walk. */
#define WD_CGROUPS_DIRS_MAX  32768
#define WD_CGROUPS_DEPTH_MAX 12
#define WD_CGROUPS_WALK_NS   250000000ull

struct wd_cgroup {
	uint64_t id;
	struct wd_pod_uid uid;
	struct wd_container_id container;
};

struct wd_cgroups {
	char *dirs[2];       /* where the v2 hierarchy may be mounted */
	struct wd_cgroup *v; /* by id */
	size_t n, alloc;
	struct wd_pace pace;
};

/* -ENOMEM. host_root as in node.h. */
int wd_cgroups_init(struct wd_cgroups *c, const char *host_root);
void wd_cgroups_release(struct wd_cgroups *c);
/* Walks again when the id is not known (at its pace). */
bool wd_cgroups_find(struct wd_cgroups *c, uint64_t id, struct wd_pod_uid *ret,
                     struct wd_container_id *ret_container);

#endif
