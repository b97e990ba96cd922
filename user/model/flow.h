/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt of a client to reach a target, and all that was seen of it. */
#ifndef WD_MODEL_FLOW_H
#define WD_MODEL_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "model/cause.h"
#include "model/event.h"
#include "model/tuple.h"

/* Different drops (place, reason) kept of one attempt; more are counted. */
#define WD_FLOW_DROPS_MAX 6
/* Places (device, direction) at which the packet hooks saw it; more are counted. */
#define WD_FLOW_SIGHTS_MAX 10
/* Times at which its SYNs are known to have been sent. */
#define WD_FLOW_SYNS_MAX 16

struct wd_flow_drop {
	struct wd_event_drop d;
	bool reply;      /* a packet on its way back to the client */
	uint64_t before; /* counted under earlier keys; the total is before + d.count */
};

/* What the packet hooks saw of an attempt in one direction of one device. */
struct wd_flow_sight {
	uint32_t ifindex;
	char device[16];
	enum wd_sight sight; /* IN, OUT or XDP */
	uint32_t syn;        /* on the way to the target, the others on the way back: */
	uint32_t syn_ack, rst, icmp;
	uint32_t fin;           /* either way */
	uint32_t query, answer; /* DNS */
	uint64_t first_ns, last_ns;
	uint64_t syn_ns;       /* the last SYN or query */
	struct wd_tuple asked; /* ... as it was here: behind NAT the translated one */
	uint64_t answer_ns;    /* the last SYN-ACK, RST, ICMP error or DNS answer */
	uint8_t ttl;           /* ... and its TTL, and what kind of error it was: */
	uint8_t icmp_type, icmp_code;
	struct wd_addr icmp_from;
};

struct wd_flow_path {
	struct wd_flow_sight v[WD_FLOW_SIGHTS_MAX];
	unsigned int n;
	uint32_t beyond; /* packets at places that found no room above */
	uint32_t late;   /* answers that came after the attempt had ended */
	bool isn_known;  /* sequence number of its SYN: NAT does not change it */
	uint32_t isn;
};

struct wd_flow {
	uint64_t id;
	struct wd_tuple tuple; /* as the client dialled it */
	bool has_backend;      /* NAT sent it elsewhere: */
	bool backend_inferred; /* known only by the same source address and port */
	struct wd_addr backend;
	uint16_t backend_port;
	struct wd_owner owner; /* pid 0: unknown */
	uint64_t sock;
	uint64_t start_ns; /* connect, or the first that was seen */
	uint64_t last_ns;
	uint64_t end_ns; /* 0 while it goes on */
	bool start_known;
	bool established;
	bool closed;       /* the socket has ended or its connect has failed */
	uint8_t end_state; /* TCP state in which it ended */
	enum wd_outcome outcome;
	int err;             /* positive errno that the client got, 0 none */
	bool connect_failed; /* connect(2) itself returned err */
	uint32_t syn_sent;   /* 0 unknown */
	uint32_t retransmits;
	uint32_t seg_len, mss, pmtu;
	uint64_t bytes_acked, bytes_received;
	bool rst_received, rst_sent;
	bool rst_local; /* this node's TCP sent that RST: */
	bool rst_no_socket;
	uint32_t rst_netns;
	const char *rst_reason;
	uint32_t synack_retrans; /* answers of a local listener that were repeated */
	uint32_t synack_netns;
	bool server_stall; /* it is the server's data that is not acknowledged */
	/* Who in netfilter dropped a packet of it, if that was seen; by: WD_BY_UNKNOWN if not. */
	struct wd_flow_verdict {
		enum wd_decider by;
		enum wd_hook hook;
		uint32_t netns;
		bool reply;
		const char *function, *family, *table, *chain; /* each NULL when unknown */
		uint32_t count;
	} verdict;
	/* ICMP errors with which this node answered packets of it. */
	struct wd_flow_icmp {
		uint32_t count;
		uint8_t type, code; /* of the last */
		bool reply;         /* it answered a packet on its way to the client */
		bool v6;
		uint32_t netns;
		uint32_t info;
	} icmp_sent;
	/* How often a listener of this node had no room for it. */
	struct wd_flow_listen {
		uint32_t count;
		uint32_t backlog, max; /* at the last */
		enum wd_listen_full kind;
		uint32_t netns;
	} listen_full;
	struct wd_flow_drop drops[WD_FLOW_DROPS_MAX];
	unsigned int n_drops;
	uint64_t drops_beyond; /* drops of kinds that found no room above */
	bool has_reply;        /* connection tracking knows it: */
	struct wd_tuple reply; /* its answer, before NAT is undone (backend -> client) */
	/* When SYNs were sent: connect, and each retransmission that was told. */
	uint64_t syn_ns[WD_FLOW_SYNS_MAX];
	unsigned int n_syns;
	struct wd_flow_path *path; /* of the table; NULL: the hooks saw nothing of it */
	uint64_t path_since_ns;    /* what the hooks saw before then was not kept; 0: all was */
	struct {
		bool wanted; /* the hooks were asked to watch for it */
		bool failed; /* ... and cannot, or not everywhere */
		bool told;   /* what they saw since then was given a word of its own */
		/* they let through what NAT made of it from then on; 0: always */
		uint64_t since_ns;
	} watch;
	bool overflows_known; /* ListenOverflows of the backend's namespace when it was */
	uint64_t overflows;   /* first looked at: what grew since then is a witness */
};

/* Total of packets of this attempt that were dropped on this node. */
uint64_t wd_flow_drop_count(const struct wd_flow *f);

#endif
