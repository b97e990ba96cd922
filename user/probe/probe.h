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

/*
 * X(enumerator, name, kind, what is lost without it). Kinds: BASE, without which whydrop sees
 * less; MORE, which make an answer more exact; DEMAND, which run for each packet and are
 * attached only while they are needed (wd_probe_verdicts()).
 */
#define WD_POINTS(X)                                                                               \
	X(SET_STATE, "inet_sock_set_state", BASE,                                                  \
	  "no TCP connection is followed: only drops and resets are seen, without owner")          \
	X(TCP_CONNECT, "tcp_connect", MORE,                                                        \
	  "a connection begins with the state change before its SYN; the SYN that TCP Fast Open "  \
	  "puts off counts from connect(2)")                                                       \
	X(DESTROY, "tcp_destroy_sock", BASE,                                                       \
	  "a reset that the process never noticed is told like one that it met")                   \
	X(RETRANSMIT, "tcp_retransmit_skb", BASE,                                                  \
	  "unanswered attempts are told only when they end, stalled connections not at all")       \
	X(SYNACK, "tcp_retransmit_synack", BASE,                                                   \
	  "not seen when a local backend answers and its answer is lost")                          \
	X(RECEIVE_RESET, "tcp_receive_reset", BASE,                                                \
	  "a refusal by RST cannot be told from one by ICMP; resets go unnoticed")                 \
	X(SEND_RESET, "tcp_send_reset", BASE,                                                      \
	  "not seen when this node's own TCP refuses or resets")                                   \
	X(REFUSE, "tcp_v4_send_reset", BASE,                                                       \
	  "not seen when this node itself refuses a SYN because nobody listens")                   \
	X(ERROR_REPORT, "inet_sk_error_report", BASE,                                              \
	  "UDP errors (port unreachable) are not seen")                                            \
	X(KFREE_SKB, "kfree_skb", BASE,                                                            \
	  "dropped packets are not seen: no cause on this node is known")                          \
	X(CONNECT, "connect", BASE,                                                                \
	  "attempts that fail before their first packet (no route, no source port) and the "       \
	  "owners of UDP sockets are not seen")                                                    \
	X(ICMP, "icmp_send", MORE,                                                                 \
	  "an ICMP error of this node is known only by its effect on the client")                  \
	X(ICMP6, "icmp6_send", MORE,                                                               \
	  "an ICMPv6 error of this node is known only by its effect on the client")                \
	X(LISTEN_SYN, "tcp_conn_request", MORE,                                                    \
	  "a full accept queue is known only by the counters of its namespace")                    \
	X(LISTEN_ACK, "tcp_syn_recv_sock", MORE,                                                   \
	  "a full accept queue that a handshake met is known only by counters")                    \
	X(NF_HOOK, "nf_hook_slow", DEMAND,                                                         \
	  "which netfilter hook dropped a packet is deduced from its route and devices")           \
	X(NFT, "nft_do_chain", DEMAND, "which nf_tables chain dropped a packet is not seen")       \
	X(IPT, "ipt_do_table", DEMAND, "which iptables-legacy table dropped a packet is not seen") \
	X(IP6T, "ip6t_do_table", DEMAND,                                                           \
	  "which ip6tables-legacy table dropped a packet is not seen")

#define X(e, name, kind, lost) WD_POINT_##e,
enum wd_point {
	WD_POINTS(X) WD_POINT_MAX,
};
#undef X

enum wd_point_kind {
	WD_KIND_BASE,
	WD_KIND_MORE,
	WD_KIND_DEMAND,
};

/* Ways to attach. The order in which a point tries them is its own (ladder.c). */
enum wd_way {
	WD_WAY_FENTRY, /* fentry and fexit */
	WD_WAY_TP_BTF,
	WD_WAY_RAW_TP,
	WD_WAY_KPROBE, /* kprobe and kretprobe */
	WD_WAY_TRACEPOINT,
	WD_WAY_MAX,
	WD_WAY_NONE = WD_WAY_MAX,
};

const char *wd_point_name(enum wd_point p);
const char *wd_point_lost(enum wd_point p);
enum wd_point_kind wd_point_kind(enum wd_point p);
/* Does its ladder have this way at all? */
bool wd_point_offers(enum wd_point p, enum wd_way w);
const char *wd_way_name(enum wd_way w);
/* WD_POINT_MAX or WD_WAY_NONE when there is no such name. */
enum wd_point wd_point_by_name(const char *name);
enum wd_way wd_way_by_name(const char *name);

struct wd_probe_options {
	const struct wd_targets *targets;
	/* Tests: allow only this way at a point. A forced point of kind DEMAND is attached from
	 * the start. */
	bool forced[WD_POINT_MAX];
	enum wd_way force[WD_POINT_MAX]; /* WD_WAY_NONE: leave the point out */
	uint32_t ring_bytes;             /* 0: default; a power of two times the page size */
	bool snap;                       /* WD_EVENT_SNAP of dropped packets, for --pcap */
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
/* The targets that follow from the cluster have changed: `t` has them as they are now, `was` as
 * they were at the last call (NULL: none). Errors of bpf(2): the old ones stay, and some of the new
 * are there already. */
int wd_probe_retarget(struct wd_probe *p, const struct wd_targets *t, const struct wd_hosts *was);
void wd_probe_close(struct wd_probe *p);

/* Which way a point is attached in; WD_WAY_NONE when it is not. */
enum wd_way wd_probe_way(const struct wd_probe *p, enum wd_point point);
/* What is lost by the state of a point: without it, or by the way it is attached in; NULL
 * nothing. Points that this kernel makes superfluous lose nothing. */
const char *wd_probe_lost(const struct wd_probe *p, enum wd_point point);

/*
 * Attaches or takes away the points of kind DEMAND, which tell the table and chain that drops
 * a packet (WD_EVENT_VERDICT). They run for each packet that netfilter sees. Idempotent.
 * Negative errno, with the kernel's answer in err, when none of them can be attached.
 */
int wd_probe_verdicts(struct wd_probe *p, bool on, char err[WD_PROBE_ERRLEN]);
bool wd_probe_verdicts_on(const struct wd_probe *p);
/* False once they were tried and the kernel refused, and where it has neither fentry nor
 * kprobes. */
bool wd_probe_verdicts_possible(const struct wd_probe *p);

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

/* One way of a point, for `whydrop probes`. */
struct wd_probe_attempt {
	enum wd_way way;
	int result;                /* 0, or the kernel's own negative errno */
	char err[WD_PROBE_ERRLEN]; /* what it answered */
	const char *lost;          /* what this way sees less; NULL nothing */
};

#define WD_PROBE_ATTEMPTS_MAX 5

struct wd_probe_trial;

/* Tries points one by one, each way alone; nothing stays attached. -ENOENT: no BTF. */
int wd_probe_trial_new(struct wd_probe_trial **ret, char err[WD_PROBE_ERRLEN]);
void wd_probe_trial_free(struct wd_probe_trial *t);
/* Fills ret, best way first; returns how many ways the point has. */
unsigned int wd_probe_trial_point(struct wd_probe_trial *t, enum wd_point point,
                                  struct wd_probe_attempt ret[WD_PROBE_ATTEMPTS_MAX]);
/* NULL, or why this kernel can do without the point. */
const char *wd_probe_trial_superfluous(const struct wd_probe_trial *t, enum wd_point point);

#endif
