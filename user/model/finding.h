/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One answer: who tried to reach what, what happened, where, why, what proves it,
 * what to do next. Texts live in the arena of whoever built the finding and are
 * NOT escaped: each output does that in its own way.
 */
#ifndef WD_MODEL_FINDING_H
#define WD_MODEL_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "model/cause.h"
#include "model/facts.h"
#include "model/tuple.h"

#define WD_FINDING_EVIDENCE_MAX 12
#define WD_FINDING_NEXT_MAX     4
#define WD_FINDING_MISSING_MAX  8
#define WD_FINDING_PATH_MAX     12
#define WD_FINDING_STATES_MAX   8

/* What the packet hooks saw in one direction of a device; of what answers, only packets on
 * their way back. */
struct wd_finding_path {
	const char *device;
	const char *role; /* "client", "backend", "uplink", "other" */
	bool out;         /* sent by the device; else received */
	bool xdp;         /* seen by XDP, in front of everything else */
	uint32_t syn, syn_ack, rst, icmp;
	uint64_t watched_ms; /* of the attempt's time */
};

struct wd_evidence {
	/* "event", "drop", "packet", "socket", "route", "neighbour", "counter", "missing" */
	const char *kind;
	const char *text;
};

struct wd_finding {
	uint64_t id;      /* the same for the interim and the final answer on one attempt */
	bool final;       /* false: the attempt goes on */
	uint64_t wall_ns; /* since 1970: when the attempt began */
	enum wd_cause cause;
	enum wd_confidence confidence;
	enum wd_outcome outcome;
	const char *summary; /* one sentence: why */
	const char *where;   /* device, hook, namespace, function; NULL when unknown */
	const char *next[WD_FINDING_NEXT_MAX];
	unsigned int n_next;
	uint8_t proto;
	struct {
		struct wd_addr ip;
		uint16_t port; /* 0 unknown */
		bool host_known, host;
		struct wd_pod_ref pod;
		const char *netns; /* NULL unknown */
		uint32_t pid;      /* 0 unknown */
		const char *comm;
		const char *container; /* NULL unknown */
		const char *node;      /* of the client's pod; NULL unknown */
	} client;
	struct {
		struct wd_addr ip;
		uint16_t port;
		/* its Service; NULL: none is known to have this address */
		const char *service_ns, *service, *service_port; /* port: NULL none, or no name */
		bool api_server;
		const char *name; /* host name; NULL unknown */
	} target;
	struct {
		bool known; /* set when NAT chose it, or when it is a pod of this node */
		struct wd_addr ip;
		uint16_t port;
		struct wd_pod_ref pod;
		const char *node; /* NULL unknown */
	} backend;
	uint32_t attempts; /* SYN sent; datagrams dropped for UDP; 0 unknown */
	uint64_t elapsed_ms;
	int err; /* errno the client got; 0 none */
	struct {
		bool known;
		const char *reason, *function, *hook, *device, *netns; /* each NULL when unknown */
		uint64_t count;
	} drop;
	struct wd_finding_path path[WD_FINDING_PATH_MAX];
	unsigned int n_path;
	struct {
		bool known;
		const char *tool; /* "iptables-legacy" or "nft" (iptables-nft counts as it) */
		const char *family, *table, *chain; /* each NULL when unknown */
	} rule;
	struct wd_evidence evidence[WD_FINDING_EVIDENCE_MAX];
	unsigned int n_evidence;
	/* What is known of the cluster, how old that is, and from whom. */
	struct wd_finding_state {
		const char *what;   /* "pods", "services", … */
		const char *source; /* "api", "state", "node" */
		uint64_t age_ms;
		bool partial;
	} state[WD_FINDING_STATES_MAX];
	unsigned int n_states;
	uint64_t lost_events; /* in the whole trace until now */
	const char *missing_probes[WD_FINDING_MISSING_MAX];
	unsigned int n_missing_probes;
};

#endif
