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

#endif
