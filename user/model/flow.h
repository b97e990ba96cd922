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

struct wd_flow_drop {
	struct wd_event_drop d;
	bool reply;      /* a packet on its way back to the client */
	uint64_t before; /* counted under earlier keys; the total is before + d.count */
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
	struct wd_flow_drop drops[WD_FLOW_DROPS_MAX];
	unsigned int n_drops;
	uint64_t drops_beyond; /* drops of kinds that found no room above */
	bool overflows_known;  /* ListenOverflows of the backend's namespace when it was */
	uint64_t overflows;    /* first looked at: what grew since then is a witness */
};

/* Total of packets of this attempt that were dropped on this node. */
uint64_t wd_flow_drop_count(const struct wd_flow *f);

#endif
