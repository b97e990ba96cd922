/* SPDX-License-Identifier: Apache-2.0 */
/* The table's inside, shared by the files of this room only. */
#ifndef WD_FLOW_INTERNAL_H
#define WD_FLOW_INTERNAL_H

#include <string.h>

#include <uthash.h>
#include <utlist.h>

#include "base/clock.h"
#include "flow/flow.h"

#define WD_FLOWS_DEFAULT   4096
#define WD_WAITING_DEFAULT 4096

/* Records of one cause reach the ring from several CPUs within this time. */
#define WD_SETTLE_NS (100 * WD_NSEC_PER_MSEC)
/* How long a RST may take to who dialled, in one node. */
#define WD_REFUSAL_NS (900 * WD_NSEC_PER_MSEC)
/* First word on an unanswered SYN: its first retransmission is at 1 s (RFC 6298). */
#define WD_INTERIM_NS (1100 * WD_NSEC_PER_MSEC)
/* How long a reset waits for the word whether its process met it. */
#define WD_RESET_WAIT_NS WD_NSEC_PER_SEC
/* A finished attempt stays to receive latecomers (a second connect(2) of the same socket
 * that reports the same error, the last drops), and is then forgotten. */
#define WD_LINGER_NS (5 * WD_NSEC_PER_SEC)
/* An attempt known by its drops alone ends when it was quiet for this long: the pauses
 * between SYNs are 1, 2, 4, 8 s. */
#define WD_DROP_QUIET_NS (20 * WD_NSEC_PER_SEC)
/* Dropped datagrams are collected for this long before they are told. */
#define WD_UDP_COLLECT_NS WD_NSEC_PER_SEC
/* How long a drop or a reset waits for its attempt to become known; a SYN becomes one by
 * itself after WD_INTERIM_NS. */
#define WD_WAIT_NS (3 * WD_NSEC_PER_SEC)

/* The client's end of a connection, by which everything is joined. */
struct wd_end {
	struct wd_addr addr;
	uint16_t port;
	uint8_t proto;
	uint8_t pad;
};

/* What NAT made of an attempt's tuple: its packets bear that on some devices. */
#define WD_ALIASES_MAX 3

struct wd_alias {
	struct wd_tuple key; /* client -> target, as translated; wd_tuple_key() */
	struct wd_entry *entry;
	bool in_table;
	UT_hash_handle hh;
};

struct wd_sights;

struct wd_entry {
	struct wd_flow flow; /* first: the table hands out pointers to it */
	struct wd_end end;
	uint64_t due_ns; /* 0: nothing to be said */
	bool due_final;
	bool interim_told;
	bool done;        /* the last word was said; lingers */
	bool from_drops;  /* nobody on this node is known to have called connect */
	bool reset_waits; /* a reset whose socket has not gone yet */
	bool stalled;     /* was told as stalled before it ended */
	bool finishing;   /* the trace ends: no more waiting */
	struct wd_entry *end_prev, *end_next;   /* same client end */
	struct wd_entry *prev, *next;           /* all, oldest first */
	struct wd_entry *due_prev, *due_next;   /* by due_ns, while that is set */
	struct wd_entry *done_prev, *done_next; /* lingering, in the order of their end */
	uint64_t forget_ns;                     /* done: until then */
	UT_hash_handle hh;                      /* by socket */
	bool in_socks;
	struct wd_alias aliases[WD_ALIASES_MAX];
	unsigned int n_aliases;
	UT_hash_handle hh_isn; /* by the sequence number of its SYN */
	uint32_t isn;
	bool in_isns;
};

struct wd_waiting {
	struct wd_event event;
	uint64_t until_ns; /* then it is forgotten, or promoted */
	struct wd_bucket *bucket;
	struct wd_waiting *end_prev, *end_next;
	struct wd_waiting *prev, *next; /* of its kind, oldest first */
	bool promote;                   /* a SYN: becomes an attempt when its time has come */
};

struct wd_bucket {
	struct wd_end end;
	struct wd_entry *flows;
	struct wd_waiting *waiting;
	UT_hash_handle hh;
};

/*
 * Every list is in the order of time, so that what is to be done next stands at its head
 * and nothing is ever searched: a storm of failures costs the same for each.
 */
struct wd_flow_table {
	struct wd_flow_options o;
	struct wd_bucket *buckets; /* by client end */
	struct wd_entry *socks;    /* by flow.sock */
	struct wd_entry *all;
	struct wd_entry *due;
	struct wd_entry *done;
	struct wd_waiting *syns;   /* promote: wait WD_INTERIM_NS */
	struct wd_waiting *others; /* wait WD_WAIT_NS */
	unsigned int n_flows, n_done, n_waiting;
	uint64_t flows_evicted, waiting_evicted;
	uint64_t next_id;
	struct wd_sights *sights; /* NULL until the first */
	struct wd_alias *aliases; /* by translated tuple */
	struct wd_entry *isns;
};

/* table.c */
struct wd_entry *wd_entry_new(struct wd_flow_table *t, const struct wd_tuple *tuple, uint64_t sock,
                              uint64_t now_ns);
void wd_entry_remove(struct wd_flow_table *t, struct wd_entry *e);
/* Moves an entry to the client end that its tuple has now. */
void wd_entry_rekey(struct wd_flow_table *t, struct wd_entry *e);
/* The attempt of this socket from now on. */
void wd_entry_set_sock(struct wd_flow_table *t, struct wd_entry *e, uint64_t sock);
struct wd_entry *wd_entry_by_sock(struct wd_flow_table *t, uint64_t sock);
struct wd_bucket *wd_bucket_find(const struct wd_flow_table *t, const struct wd_end *end);
void wd_entry_due(struct wd_flow_table *t, struct wd_entry *e, uint64_t at_ns, bool final);
void wd_waiting_add(struct wd_flow_table *t, const struct wd_event *e, const struct wd_end *end,
                    bool promote);
void wd_waiting_remove(struct wd_flow_table *t, struct wd_waiting *w);

/* Tells the owner of a drop that nobody here knows it any more. */
void wd_drop_forget(struct wd_flow_table *t, uint64_t key);

/* join.c */
struct wd_end wd_end_of(const struct wd_tuple *client_to_target);
/* Which end of a packet is the client's: *ret_reply is set for a packet on its way back;
 * returns the tuple turned to client -> target. */
struct wd_tuple wd_packet_direction(const struct wd_flow_table *t, const struct wd_event *e,
                                    bool *ret_reply);
/* Joins an event that has a packet's tuple to its attempt; NULL when that is not known. */
struct wd_entry *wd_entry_for_packet(struct wd_flow_table *t, const struct wd_tuple *tuple,
                                     bool *ret_inferred);
void wd_flow_add_drop(struct wd_flow *f, const struct wd_event *e, bool reply);
void wd_flow_add_reset(struct wd_flow *f, const struct wd_event *e);
/* Gives a new attempt what was waiting for it. */
void wd_entry_collect(struct wd_flow_table *t, struct wd_entry *e);
void wd_packet_event(struct wd_flow_table *t, const struct wd_event *e);
void wd_waiting_promote(struct wd_flow_table *t, struct wd_waiting *w, uint64_t now_ns);

/* sight.c */
/* For hashing: bytes between the fields are zero. */
static inline struct wd_tuple wd_tuple_key(const struct wd_tuple *t)
{
	struct wd_tuple k;

	memset(&k, 0, sizeof(k));
	k.saddr = t->saddr;
	k.daddr = t->daddr;
	k.sport = t->sport;
	k.dport = t->dport;
	k.proto = t->proto;
	return k;
}

void wd_sight_event(struct wd_flow_table *t, const struct wd_event *e);
/* Gives an attempt the packets that were seen before it was known. */
void wd_sight_collect(struct wd_flow_table *t, struct wd_entry *e);
/* Before an entry goes. */
void wd_sight_forget(struct wd_flow_table *t, struct wd_entry *e);
void wd_sights_free(struct wd_flow_table *t);

/* witness.c */
bool wd_is_witness(const struct wd_event *e);
/* The client's tuple as connection tracking has it, NULL when it does not. */
const struct wd_tuple *wd_witness_ct(const struct wd_event *e);
void wd_flow_add_witness(struct wd_flow *f, const struct wd_event *e, bool reply);
void wd_witness_event(struct wd_flow_table *t, const struct wd_event *e);

/* conn.c */
void wd_conn_event(struct wd_flow_table *t, const struct wd_event *e);
void wd_connect_event(struct wd_flow_table *t, const struct wd_event *e);
void wd_sock_error_event(struct wd_flow_table *t, const struct wd_event *e);
enum wd_outcome wd_outcome_of_errno(int err);

#endif
