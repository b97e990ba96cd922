/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side, as the rest of whydrop meets it: load, attach, read events.
 *
 * The only room that knows libbpf. Programs and maps belong to the process by file
 * descriptors alone (nothing is pinned), so they end with it, however it ends.
 */
#ifndef WD_PROBE_PROBE_H
#define WD_PROBE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/event.h"
#include "model/stats.h"
#include "model/target.h"

/* X(enumerator, name, what is lost without it) */
#define WD_POINTS(X)                                                                              \
	X(SET_STATE, "inet_sock_set_state",                                                       \
	  "no TCP connection is followed: only drops and resets are seen, without owner")         \
	X(DESTROY, "tcp_destroy_sock",                                                            \
	  "a reset that the process never noticed is told like one that it met")                  \
	X(RETRANSMIT, "tcp_retransmit_skb",                                                       \
	  "unanswered attempts are told only when they end, stalled connections not at all")      \
	X(SYNACK, "tcp_retransmit_synack",                                                        \
	  "not seen when a local backend answers and its answer is lost")                         \
	X(RECEIVE_RESET, "tcp_receive_reset",                                                     \
	  "a refusal by RST cannot be told from one by ICMP; resets go unnoticed")                \
	X(SEND_RESET, "tcp_send_reset", "not seen when this node's own TCP refuses or resets")    \
	X(ERROR_REPORT, "inet_sk_error_report", "UDP errors (port unreachable) are not seen")     \
	X(KFREE_SKB, "kfree_skb", "dropped packets are not seen: no cause on this node is known") \
	X(CONNECT, "connect",                                                                     \
	  "attempts that fail before their first packet (no route, no source port) and the "      \
	  "owners of UDP sockets are not seen")

#define X(e, name, lost) WD_POINT_##e,
enum wd_point {
	WD_POINTS(X) WD_POINT_MAX,
};
#undef X

/* Ways to attach, best first. */
enum wd_way {
	WD_WAY_TP_BTF,
	WD_WAY_RAW_TP,
	WD_WAY_MAX,
	WD_WAY_NONE = WD_WAY_MAX,
};

const char *wd_point_name(enum wd_point p);
const char *wd_point_lost(enum wd_point p);
const char *wd_way_name(enum wd_way w);
/* WD_POINT_MAX or WD_WAY_NONE when there is no such name. */
enum wd_point wd_point_by_name(const char *name);
enum wd_way wd_way_by_name(const char *name);

struct wd_probe_options {
	const struct wd_targets *targets;
	/* Tests: allow only this way at a point; WD_WAY_NONE + 1 means any. */
	bool forced[WD_POINT_MAX];
	enum wd_way force[WD_POINT_MAX]; /* WD_WAY_NONE: leave the point out */
	uint32_t ring_bytes;             /* 0: default; a power of two times the page size */
};

struct wd_probe;

/* Room for a message of wd_probe_open(). */
#define WD_PROBE_ERRLEN 512

/*
 * Loads and attaches what this kernel allows. 0 when at least one point is in use.
 * On failure a negative errno, and err says in words what is missing: -EPERM (rights),
 * -ENOENT (kernel without BTF), -EPROTO (object and reader of different versions), or
 * what the kernel said. Nothing stays attached then.
 */
int wd_probe_open(const struct wd_probe_options *o, struct wd_probe **ret,
                  char err[WD_PROBE_ERRLEN]);
void wd_probe_close(struct wd_probe *p);

/* Which way a point is attached in; WD_WAY_NONE when it is not. */
enum wd_way wd_probe_way(const struct wd_probe *p, enum wd_point point);

typedef void (*wd_event_fn)(const struct wd_event *e, void *ctx);
/* Delivers what is in the ring, at most `max` records; the event is valid during the
 * call. Returns how many there were, or a negative errno. */
int wd_probe_poll(struct wd_probe *p, unsigned int max, wd_event_fn fn, void *ctx);

/* The kernel's present count of a drop by event.drop.key; -ENOENT when forgotten. */
int wd_probe_drop_count(struct wd_probe *p, uint64_t key, uint64_t *ret_count,
                        uint64_t *ret_last_ns);
/* Forgets a drop whose attempt is over, so that a later attempt with the same tuple (source
 * ports are used again) meets it as a new one. */
void wd_probe_drop_forget(struct wd_probe *p, uint64_t key);
/* Call about once a second: forgets drops that have been quiet for long, so that the
 * kernel's table keeps room. */
void wd_probe_maintain(struct wd_probe *p, uint64_t now_ns);

/* Fills the fields that the kernel side and the ring reader know; leaves the others. */
void wd_probe_stats(struct wd_probe *p, struct wd_stats *s);

struct wd_probe_losses {
	uint64_t events; /* of any kind, drops among them */
	uint64_t drops;
};

/* What was lost until now on the way from the probes to the reader: the same as in
 * wd_probe_stats(), but cheap enough to be asked for each finding. */
void wd_probe_losses(struct wd_probe *p, struct wd_probe_losses *ret);

/* Whether the kernel tells why it drops (5.17 and later). */
bool wd_probe_has_reasons(const struct wd_probe *p);

/* One trial for `whydrop probes`: loads and attaches only this. Returns 0 or the kernel's
 * own negative errno; says in err what it answered. -EOPNOTSUPP: there is no such way. */
int wd_probe_trial(enum wd_point point, enum wd_way way, char err[WD_PROBE_ERRLEN]);

#endif
