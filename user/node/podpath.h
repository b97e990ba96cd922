/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods in the names of cgroups and log directories. Pure.
 *
 * Sources: kubelet pkg/kubelet/cm/cgroup_manager_linux.go and pod_container_manager_linux.go
 * (cgroup names of both drivers), pkg/kubelet/kuberuntime/helpers.go
 * (BuildPodLogsDirectory, logSymlink); containerd, cri-o, cri-dockerd for what is below a pod.
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

/* 64 hexadecimal digits; and NUL. */
#define WD_CONTAINER_ID_LEN 65
/* A DNS label. */
#define WD_CONTAINER_NAME_LEN 64

struct wd_container_id {
	char text[WD_CONTAINER_ID_LEN]; /* "" none */
};

/* RFC 1123: a label (at most 63), a subdomain (labels and dots, at most 253). */
bool wd_podpath_is_label(const char *s, size_t n);
bool wd_podpath_is_subdomain(const char *s, size_t n);

/* The uid of the pod that a cgroup path belongs to. The outermost pod counts: whoever
 * may make cgroups below its own can give them any name. */
bool wd_podpath_cgroup_uid(const char *path, size_t n, struct wd_pod_uid *ret);

/*
 * The same, and the container: the step below the pod's. "" when the path ends at the pod, or
 * that step is no container's (conmon of cri-o). The sandbox itself (pause) is one, too.
 */
bool wd_podpath_cgroup(const char *path, size_t n, struct wd_pod_uid *ret,
                       struct wd_container_id *ret_container);

/* The same from the text of /proc/PID/cgroup: the v2 hierarchy first, then the others;
 * false also when two hierarchies name different pods. */
bool wd_podpath_proc_uid(const char *text, size_t n, struct wd_pod_uid *ret);
bool wd_podpath_proc(const char *text, size_t n, struct wd_pod_uid *ret,
                     struct wd_container_id *ret_container);

/* Pod and uid of a directory "<namespace>_<name>_<uid>" of /var/log/pods. */
bool wd_podpath_log_dir(const char *name, struct wd_pod_ref *ret, struct wd_pod_uid *uid);

/* Name and parts of a link "<pod>_<namespace>_<container>-<id>.log" of /var/log/containers. */
bool wd_podpath_log_link(const char *link, struct wd_pod_ref *ret,
                         char container[WD_CONTAINER_NAME_LEN], struct wd_container_id *id);

/* Sets ret when both names obey RFC 1123; else leaves it and returns false. */
bool wd_podpath_ref(const char *ns, const char *name, struct wd_pod_ref *ret);

#endif
