/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods in the names of cgroups and log directories. Pure.
 *
 * Sources: kubelet pkg/kubelet/cm/cgroup_manager_linux.go and pod_container_manager_linux.go
 * (cgroup names of both drivers), pkg/kubelet/kuberuntime/helpers.go
 * (BuildPodLogsDirectory).
 */
#ifndef WD_NODE_PODPATH_H
#define WD_NODE_PODPATH_H

#include <stdbool.h>
#include <stddef.h>

#include "model/facts.h"

/* A pod's uid: 8-4-4-4-12 hexadecimal digits, or the 32 of a static pod; and NUL. */
#define WD_POD_UID_LEN 37

struct wd_pod_uid {
	char text[WD_POD_UID_LEN]; /* as Kubernetes writes it, with '-'; "" none */
};

/* RFC 1123: a label (at most 63), a subdomain (labels and dots, at most 253). */
bool wd_podpath_is_label(const char *s, size_t n);
bool wd_podpath_is_subdomain(const char *s, size_t n);

/* The uid of the pod that a cgroup path belongs to. The outermost pod counts: whoever
 * may make cgroups below its own can give them any name. */
bool wd_podpath_cgroup_uid(const char *path, size_t n, struct wd_pod_uid *ret);

/* The same from the text of /proc/PID/cgroup: the v2 hierarchy first, then the others;
 * false also when two hierarchies name different pods. */
bool wd_podpath_proc_uid(const char *text, size_t n, struct wd_pod_uid *ret);

/* Pod and uid of a directory "<namespace>_<name>_<uid>" of /var/log/pods. */
bool wd_podpath_log_dir(const char *name, struct wd_pod_ref *ret, struct wd_pod_uid *uid);

/* Sets ret when both names obey RFC 1123; else leaves it and returns false. */
bool wd_podpath_ref(const char *ns, const char *name, struct wd_pod_ref *ret);

#endif
