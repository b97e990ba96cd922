/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the node itself knows, read when a question comes up: network namespaces,
 * pods, listening sockets, routes, neighbours. Reads files only (/proc, /run/netns,
 * CNI result cache, pod log directories), changes nothing, enters no namespace.
 *
 * Everything read is bounded (entries, bytes, time); what cannot be read is unknown
 * in the answer, never "none".
 */
#ifndef WD_NODE_NODE_H
#define WD_NODE_NODE_H

#include "model/facts.h"
#include "model/flow.h"
#include "node/devices.h"

struct wd_node;

/* host_root: prefix of every node file except /proc (default "/"). -ENOMEM. */
int wd_node_new(const char *host_root, struct wd_node **ret);
/* The same on a copy of /proc, for tests. */
int wd_node_new_at(const char *proc, const char *host_root, struct wd_node **ret);
void wd_node_free(struct wd_node *n);

/* Once a second: notes the node's counters, so that what grows during an attempt shows. */
void wd_node_watch(struct wd_node *n, uint64_t now_ns);

/* Fills *ret with what is known about the flow's client, backend and way. Never
 * fails as a whole: what cannot be told stays unknown. */
void wd_node_facts(struct wd_node *n, const struct wd_flow *f, struct wd_facts *ret);

/*
 * What NAT makes of a connection: asks connection tracking of the node's own namespace. 0 and
 * the tuple of its answers before NAT is undone (the reverse of orig if nothing is translated);
 * -ENOENT when the connection is not known (any more); else the error of asking.
 */
int wd_node_nat(struct wd_node *n, const struct wd_tuple *orig, struct wd_tuple *ret_reply);

/* Does connection tracking follow anything in our namespace? If not, nothing is translated. */
bool wd_node_tracks(struct wd_node *n);

/* The devices of the node's own namespace; read anew only when something changed. */
int wd_node_devices(struct wd_node *n, const struct wd_devices **ret);
/* Grows with each time that they were read anew. */
unsigned int wd_node_devices_generation(const struct wd_node *n);
/* By which of them the packets of a flow should pass. */
int wd_node_path(struct wd_node *n, const struct wd_flow *f, struct wd_path_fact *ret);
/* Whether others have BPF programs at a device that may take packets before a hook at tc sees
 * them, or carry them around it: tc, tcx, netkit, XDP, and XDP of what the device is made of. */
bool wd_node_device_shared(struct wd_node *n, uint32_t ifindex);

/* Pod behind a device of the node's own namespace, where the CNI plugin wrote down which (Azure's
 * do). False: unknown, or several claim it. */
bool wd_node_device_pod(struct wd_node *n, const char *device, struct wd_pod_ref *ret);

/* Name of a network namespace by its inode: the pod's "ns/name" when known, else the
 * name under /run/netns, "node" for our own; NULL unknown. Valid until the next call. */
const char *wd_node_netns_name(struct wd_node *n, uint32_t netns);

#endif
