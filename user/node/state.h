/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct wd_node: the caches, and the steps of one question. Used by the
 * files of this room only.
 */
#ifndef WD_NODE_STATE_H
#define WD_NODE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/facts.h"
#include "model/flow.h"
#include "node/cgroups.h"
#include "node/cniresults.h"
#include "node/conntrack.h"
#include "node/devices.h"
#include "node/listeners.h"
#include "node/netaddr.h"
#include "node/netns.h"
#include "node/podlogs.h"

/* Counters of the node's own namespace at one time. */
struct wd_node_counters {
	uint64_t at_ns;
	uint64_t insert_failed, rpf;
	bool insert_failed_known, rpf_known;
};

/* One sample a second: attempts that are older are compared with the first. */
#define WD_NODE_SAMPLES 180

struct wd_node {
	struct wd_node_counters first, samples[WD_NODE_SAMPLES];
	unsigned int n_samples;         /* all that were ever taken */
	struct wd_conntrack *conntrack; /* NULL: not asked yet, or it cannot be */
	bool conntrack_tried;
	struct wd_rtnl *rtnl; /* NULL: not asked yet, or it cannot be */
	bool rtnl_tried;
	struct wd_devices devices;
	unsigned int devices_read; /* how often */
	struct wd_pace devices_pace;
	struct wd_netnses netnses;
	struct wd_netaddrs addrs;
	struct wd_podlogs logs;
	struct wd_cniresults cni;
	struct wd_cgroups cgroups;
	struct wd_listeners listeners;
	struct wd_buf buf; /* scratch: the file that is being read */
	char name[WD_NS_NAME_LEN + WD_POD_NAME_LEN + 1];
};

/* One question; namespaces are NULL when unknown or not of this node. */
struct wd_node_question {
	const struct wd_flow *flow;
	struct wd_addr dest; /* final address: behind NAT when that is known */
	uint16_t port;
	int process; /* directory /proc/PID of the owner, or negative */
	struct wd_netns *own, *client, *backend;
};

/* Renews what is due; missed: something was asked that the caches lack. */
void wd_node_refresh(struct wd_node *n, bool missed);
uint32_t wd_node_index(const struct wd_node *n, const struct wd_netns *ns);
/* Reads a file of /proc/PID into n->buf with this cap; as wd_procfs_read. */
int wd_node_read(struct wd_node *n, int dir, const char *path, size_t cap);

/* Finds the namespaces; true when the caches lack something that the flow leads to. */
bool wd_node_question_prepare(struct wd_node *n, struct wd_node_question *q);

/* owner.c: */
/* Directory of the process that owns the flow, when it is still the same one; else
 * negative errno. */
int wd_node_process_open(const struct wd_node *n, const struct wd_flow *f);
/* Pod of a namespace; false for the node's own and when it is not known for sure. */
bool wd_node_netns_pod(struct wd_node *n, struct wd_netns *ns, struct wd_pod_ref *ret);
void wd_node_client_facts(struct wd_node *n, struct wd_node_question *q, struct wd_facts *ret);

/* backend.c: */
/* The one namespace that owns addr, or NULL; *known: it is certain that there is (no)
 * such one on this node. */
struct wd_netns *wd_node_addr_netns(struct wd_node *n, const struct wd_addr *addr, bool *known);
void wd_node_backend_facts(struct wd_node *n, struct wd_node_question *q, struct wd_facts *ret);

/* way.c: */
void wd_node_way_facts(struct wd_node *n, struct wd_node_question *q, struct wd_facts *ret);

#endif
