/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the node itself says about one flow at the time of the question: state,
 * not events. Everything may be unknown; unknown is never the same as none.
 */
#ifndef WD_MODEL_FACTS_H
#define WD_MODEL_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/* DNS label and subdomain limits of Kubernetes names (RFC 1123). */
#define WD_NS_NAME_LEN  64
#define WD_POD_NAME_LEN 254

struct wd_pod_ref {
	char ns[WD_NS_NAME_LEN]; /* "" unknown */
	char name[WD_POD_NAME_LEN];
};

enum wd_listener {
	WD_LISTENER_UNKNOWN,
	WD_LISTENER_NONE,          /* nobody has this port */
	WD_LISTENER_LOOPBACK_ONLY, /* listens, but on 127.0.0.1 or ::1 */
	WD_LISTENER_OTHER_ADDR,    /* listens on another address of that namespace */
	WD_LISTENER_PRESENT,
};

enum wd_route_kind {
	WD_ROUTE_UNKNOWN,
	WD_ROUTE_NONE,   /* no route matches */
	WD_ROUTE_REJECT, /* unreachable, prohibit or blackhole */
	WD_ROUTE_LOCAL,  /* the address is this namespace's own */
	WD_ROUTE_UNICAST,
};

enum wd_neigh {
	WD_NEIGH_UNKNOWN,
	WD_NEIGH_NONE,       /* no entry */
	WD_NEIGH_INCOMPLETE, /* asked, nobody answers */
	WD_NEIGH_RESOLVED,
};

#define WD_FACTS_PORTS_MAX 8

struct wd_route_fact {
	enum wd_route_kind kind;
	char device[16];
	bool has_via;
	struct wd_addr via;
	bool other_tables; /* IPv4 tables besides main and local exist: a policy rule may
	                      decide otherwise. IPv6: cannot be told */
};

struct wd_facts {
	struct {
		char netns[64]; /* name of its network namespace, "" unknown */
		bool host;      /* runs in the node's own namespace */
		bool host_known;
		struct wd_pod_ref pod;
		char container[64];         /* of that pod, "" unknown */
		struct wd_route_fact route; /* in the client's namespace, main table */
	} client;
	struct {
		bool local_known; /* whether a namespace of this node owns the address */
		bool local;
		bool host; /* it is the node's own namespace */
		char netns[64];
		struct wd_pod_ref pod;
		enum wd_listener listener;
		uint16_t ports[WD_FACTS_PORTS_MAX]; /* others on which it listens, same protocol */
		unsigned int n_ports;
		bool queue_known;
		uint32_t queue; /* connections waiting for accept(2), at the fullest
		                   of the listeners that this address reaches */
		bool overflows_known;
		uint64_t overflows; /* ListenOverflows of that namespace */
	} backend;
	struct wd_route_fact node_route; /* to the backend, in the node's own namespace */
	struct {
		enum wd_neigh state; /* of the next hop, in the node's own namespace */
		struct wd_addr addr;
		char device[16];
	} neigh;
	bool ct_known;             /* the namespace that dropped is the node's own: */
	uint64_t ct_insert_failed; /* connections not trackable since the attempt began */
	bool rpf_known;            /* the same namespace: */
	uint64_t rpf_drops;        /* growth of IPReversePathFilter since then */
};

/* ---- packet hooks ---------------------------------------------------------------------- */

#define WD_PATH_OUTWARD_MAX 8
#define WD_WATCHED_MAX      16

struct wd_path_device {
	uint32_t ifindex; /* 0: there is none, or it is not known */
	char name[16];
	bool tunnel; /* what it carries leaves by another device */
};

/* By which devices of the node's own namespace the packets of a flow should pass. */
struct wd_path_fact {
	bool known;
	bool client_host;             /* the client is in the node's own namespace */
	bool client_here;             /* the client is in another namespace of this node: */
	struct wd_path_device client; /* host side of its device */
	bool backend_here;            /* so is the backend: */
	struct wd_path_device backend;
	struct wd_path_device uplink; /* else: where the route leads */
	bool has_via;
	struct wd_addr via;
	/* Every device that leads out of the node: an answer may come by any of them. */
	struct wd_path_device outward[WD_PATH_OUTWARD_MAX];
	unsigned int n_outward;
	bool more_outward;
};

/* A device on which packet hooks were while an attempt went on. */
struct wd_watched {
	uint32_t ifindex;
	char device[16];
	uint64_t since_ns, until_ns; /* until 0: still */
	bool xdp;
	bool foreign; /* other BPF programs are there: packets may go around, or be consumed */
};

/* What the packet hooks could see of one flow. */
struct wd_watch_fact {
	bool wanted; /* somebody wanted them for this flow ... */
	bool failed; /* ... and they could not be had */
	struct wd_path_fact path;
	struct wd_watched v[WD_WATCHED_MAX];
	unsigned int n;
	/* Its packets were let through whatever NAT makes of them, or that is known. */
	bool nat_known;
	uint64_t lost;     /* packet records lost since the attempt began */
	uint64_t since_ns; /* packets that NAT changed were let through from then on; 0: always */
};

#endif
