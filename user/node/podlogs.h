/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pod uid to namespace/name, from the names of the directories that the kubelet makes in
 * /var/log/pods; container id to container name, from the names of its links in
 * /var/log/containers. Those of pods that have ended stay for a while: harmless, a uid or id
 * is never given twice.
 */
#ifndef WD_NODE_PODLOGS_H
#define WD_NODE_PODLOGS_H

#include <stdbool.h>
#include <stddef.h>

#include "node/podpath.h"
#include "node/procfs.h"

#define WD_PODLOGS_MAX 8192
/* Containers that are looked at in one pod's directory. */
#define WD_PODLOGS_CONTAINERS_MAX 64

/* The names in one directory, sorted by the uid or id at their end. */
struct wd_podlogs_names {
	char *dir;
	char **v;
	size_t n;
	struct wd_pace pace;
};

struct wd_podlogs {
	struct wd_podlogs_names pods, containers;
};

/* -ENOMEM. host_root as in node.h. */
int wd_podlogs_init(struct wd_podlogs *p, const char *host_root);
void wd_podlogs_release(struct wd_podlogs *p);
/* Looks again when the uid is not known (at its pace). False: unknown, or two
 * directories claim this uid for different pods. */
bool wd_podlogs_find(struct wd_podlogs *p, const struct wd_pod_uid *uid, struct wd_pod_ref *ret);

/*
 * Name of a container of this pod. Where no container has a link (a runtime that logs elsewhere,
 * a container whose host does not show us that directory), the only directory of the pod
 * is its only container. False: unknown, or the link says another pod.
 */
bool wd_podlogs_container(struct wd_podlogs *p, const struct wd_pod_uid *uid,
                          const struct wd_pod_ref *pod, const struct wd_container_id *id,
                          char ret[WD_CONTAINER_NAME_LEN]);

#endif
