/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pod uid to namespace/name, from the names of the directories that the kubelet makes in
 * /var/log/pods. Directories of pods that have ended stay for a while: harmless, a uid
 * is never given twice.
 */
#ifndef WD_NODE_PODLOGS_H
#define WD_NODE_PODLOGS_H

#include <stdbool.h>
#include <stddef.h>

#include "node/podpath.h"
#include "node/procfs.h"

#define WD_PODLOGS_MAX 8192

struct wd_podlogs {
	char *dir;
	char **names; /* of directories, sorted by the uid at their end */
	size_t n;
	struct wd_pace pace;
};

/* -ENOMEM. host_root as in node.h. */
int wd_podlogs_init(struct wd_podlogs *p, const char *host_root);
void wd_podlogs_release(struct wd_podlogs *p);
/* Looks again when the uid is not known (at its pace). False: unknown, or two
 * directories claim this uid for different pods. */
bool wd_podlogs_find(struct wd_podlogs *p, const struct wd_pod_uid *uid, struct wd_pod_ref *ret);

#endif
