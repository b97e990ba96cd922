/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devices of the node's own network namespace, and where the kernel would send a packet:
 * rtnetlink, asked but never changed.
 *
 * A pod's device has two ends; what is told here is the end in this namespace. Pods that have
 * none (ipvlan, macvlan, SR-IOV) have no device here.
 */
#ifndef WD_NODE_DEVICES_H
#define WD_NODE_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/facts.h"
#include "model/tuple.h"

#define WD_DEVICES_MAX 4096

enum wd_device_kind {
	WD_DEVICE_INSIDE,  /* loopback, dummies, bridges of pods, parts of a bond: down, or no
	                      way out of the node */
	WD_DEVICE_POD,     /* its other end is in another namespace of this node */
	WD_DEVICE_OUTWARD, /* leads out of the node */
};

struct wd_device {
	uint32_t ifindex;
	uint32_t master; /* the bridge or bond that it is part of, 0 none */
	uint32_t peer;   /* veth: number of the other end, in its own namespace */
	int32_t nsid;    /* the namespace of the other end, as this one numbers it; -1: here */
	enum wd_device_kind kind;
	bool up;
	bool subnet; /* has an address with a network around it */
	bool tunnel; /* packets leave it inside others, by another device or a process */
	bool xdp;    /* an XDP program is on it: */
	uint32_t xdp_id;
	char name[16];
	char type[16]; /* "veth", "bridge", "" for hardware */
};

struct wd_devices {
	struct wd_device *v; /* by ifindex */
	size_t n, alloc;
	bool cut; /* there are more than WD_DEVICES_MAX */
};

struct wd_rtnl;

int wd_rtnl_new(struct wd_rtnl **ret);
void wd_rtnl_free(struct wd_rtnl *r);

/* Reads all devices anew: all or, on failure, none. */
int wd_devices_read(struct wd_rtnl *r, struct wd_devices *d);
void wd_devices_release(struct wd_devices *d);
const struct wd_device *wd_devices_find(const struct wd_devices *d, uint32_t ifindex);
/* True when devices came, went or changed since the last call (always the first time);
 * costs one system call otherwise. */
bool wd_rtnl_changed(struct wd_rtnl *r);
/* How this namespace numbers the one behind a file descriptor; -ENOENT: not at all. */
int wd_rtnl_nsid(struct wd_rtnl *r, int netns_fd, int32_t *ret);
/* Whether others have programs at tc of this device (filters of a clsact qdisc, tcx): they may
 * carry packets around what stands behind them. */
bool wd_rtnl_has_filters(struct wd_rtnl *r, uint32_t ifindex);
/* Is this program another whydrop's, or our own? It lets every packet pass. False when it may not
 * be asked for. */
bool wd_rtnl_is_ours(uint32_t prog_id);

struct wd_route_answer {
	uint32_t oif;
	enum wd_route_kind kind;
	bool has_via;
	struct wd_addr via;
};

/*
 * Where a packet of this tuple would go: policy rules and multipath are the kernel's own
 * (marks that netfilter sets are not known here). iif: the device by which it comes in, 0
 * for one that is sent here.
 */
int wd_rtnl_route(struct wd_rtnl *r, const struct wd_tuple *t, uint32_t iif,
                  struct wd_route_answer *ret);

/* Pure, for tests: one RTM_NEWLINK message (behind its header), -EINVAL; and what a device is
 * good for, once all are known. */
int wd_devices_parse(const void *payload, size_t n, struct wd_device *ret);
void wd_devices_classify(struct wd_devices *d);
/* Pure: the answer to RTM_GETROUTE. */
int wd_route_parse(const void *payload, size_t n, struct wd_route_answer *ret);

#endif
