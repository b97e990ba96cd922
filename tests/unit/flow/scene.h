/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table with a clock: events are played at their time, and every word that the table
 * has to say is taken at the moment when it becomes due, as the event loop would.
 * Times are milliseconds since the scene began.
 */
#ifndef WD_TESTS_FLOW_SCENE_H
#define WD_TESTS_FLOW_SCENE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "flow/flow.h"

/* The scene begins when the machine was up for so long. */
#define SCENE_T0        (1000 * WD_NSEC_PER_SEC)
#define SCENE_WORDS_MAX 16

#define SYN     0x02
#define SYN_ACK 0x12
#define RST_ACK 0x14
#define ACK     0x10

#define CLIENT_NETNS 4026532001u
#define SERVER_NETNS 4026532002u
#define NODE_NETNS   4026531840u

struct word {
	struct wd_flow flow;
	bool final;
	uint64_t at_ms;
};

struct scene {
	struct wd_flow_table *t;
	struct wd_targets *targets;
	uint64_t now_ns;
	struct word words[SCENE_WORDS_MAX];
	unsigned int n_words;
};

/* Who dials whom, from which socket, since when. */
struct attempt {
	struct wd_tuple tuple;
	uint64_t sock;
	uint64_t start_ms;
	uint32_t pid;
};

static inline uint64_t at(uint64_t ms)
{
	return SCENE_T0 + ms * WD_NSEC_PER_MSEC;
}

static inline struct wd_addr addr(const char *text)
{
	struct wd_addr a = {0};

	if (wd_addr_parse(text, &a))
		abort();
	return a;
}

static inline struct wd_tuple tuple(uint8_t proto, const char *from, uint16_t sport, const char *to,
                                    uint16_t dport)
{
	return (struct wd_tuple){addr(from), addr(to), sport, dport, proto};
}

/* ---- the scene --------------------------------------------------------------------------- */

static inline void scene_open_with(struct scene *s, struct wd_flow_options o)
{
	memset(s, 0, sizeof(*s));
	s->now_ns = SCENE_T0;
	s->targets = calloc(1, sizeof(*s->targets));
	assert_non_null(s->targets);
	assert_int_equal(wd_targets_add(s->targets, "10.96.0.0/16"), 0);
	assert_int_equal(wd_targets_add(s->targets, "fd00:96::/64"), 0);
	o.targets = s->targets;
	assert_int_equal(wd_flow_table_new(&o, &s->t), 0);
}

static inline void scene_open(struct scene *s)
{
	scene_open_with(s, (struct wd_flow_options){0});
}

static inline void scene_close(struct scene *s)
{
	wd_flow_table_free(s->t);
	free(s->targets);
}

static inline void scene_drain(struct scene *s)
{
	struct wd_flow *f;
	bool final;

	while ((f = wd_flow_table_due(s->t, s->now_ns, &final))) {
		assert_true(s->n_words < SCENE_WORDS_MAX);
		s->words[s->n_words++] =
			(struct word){*f, final, (s->now_ns - SCENE_T0) / WD_NSEC_PER_MSEC};
	}
	/* else the event loop would spin */
	assert_true(wd_flow_table_next_ns(s->t) > s->now_ns);
}

/* Lets time pass, waking up when the table asks for it. */
static inline void scene_until(struct scene *s, uint64_t ms)
{
	uint64_t next;

	while ((next = wd_flow_table_next_ns(s->t)) <= at(ms)) {
		if (next > s->now_ns)
			s->now_ns = next;
		scene_drain(s);
	}
	if (at(ms) > s->now_ns)
		s->now_ns = at(ms);
}

/* An event; the loop has run until it came. An event from another CPU may be older. */
static inline void play(struct scene *s, struct wd_event e)
{
	if (e.ts_ns > s->now_ns)
		scene_until(s, (e.ts_ns - SCENE_T0) / WD_NSEC_PER_MSEC);
	wd_flow_table_event(s->t, &e);
}

/* Everything that can still be said, and no trace ended. */
static inline void scene_rest(struct scene *s)
{
	scene_until(s, (s->now_ns - SCENE_T0) / WD_NSEC_PER_MSEC + 600000);
}

static inline void scene_finish(struct scene *s, uint64_t ms)
{
	scene_until(s, ms);
	wd_flow_table_finish(s->t, s->now_ns);
	scene_drain(s);
}

static inline const struct wd_flow *interim(const struct scene *s, unsigned int i)
{
	assert_true(i < s->n_words);
	assert_false(s->words[i].final);
	return &s->words[i].flow;
}

static inline const struct wd_flow *ended(const struct scene *s, unsigned int i)
{
	assert_true(i < s->n_words);
	assert_true(s->words[i].final);
	return &s->words[i].flow;
}

#define assert_words(s, n)   assert_int_equal((s)->n_words, n)
#define assert_outcome(f, o) assert_string_equal(wd_outcome_id((f)->outcome), o)
/* Said in [from, to] milliseconds. */
#define assert_said(s, i, from, to) assert_in_range((s)->words[i].at_ms, from, to)

static inline const struct wd_flow *only_word(const struct scene *s)
{
	assert_words(s, 1);
	return &s->words[0].flow;
}

/* ---- what the client's socket tells ------------------------------------------------------ */

static inline struct attempt dial(const char *from, uint16_t sport, const char *to, uint16_t dport,
                                  uint64_t sock, uint64_t start_ms)
{
	return (struct attempt){tuple(WD_PROTO_TCP, from, sport, to, dport), sock, start_ms, 4711};
}

/* The attempt of most scenes: a pod dials a ClusterIP. */
static inline struct attempt dial_service(uint64_t start_ms)
{
	return dial("10.244.0.5", 40000, "10.96.0.1", 443, 0xffff888000001000, start_ms);
}

static inline struct wd_owner owner_of(const struct attempt *a)
{
	return (struct wd_owner){.pid = a->pid, .netns = CLIENT_NETNS, .comm = "curl"};
}

static inline struct wd_event conn(const struct attempt *a, uint64_t ms, enum wd_conn_trigger why)
{
	struct wd_event e = {.kind = WD_EVENT_CONN, .ts_ns = at(ms), .tuple = a->tuple};

	e.conn.sock = a->sock;
	e.conn.start_ns = at(a->start_ms);
	e.conn.owner = owner_of(a);
	e.conn.trigger = why;
	e.conn.old_state = e.conn.new_state = WD_TCP_SYN_SENT;
	e.conn.syn_sent = 1;
	e.conn.mss = 1460;
	e.conn.pmtu = 1500;
	return e;
}

static inline struct wd_event syn_repeated(const struct attempt *a, uint64_t ms, uint32_t syn_sent)
{
	struct wd_event e = conn(a, ms, WD_CONN_SYN_RETRANS);

	e.conn.syn_sent = syn_sent;
	return e;
}

/* SYN_SENT -> CLOSE; err 0: the client closed it. */
static inline struct wd_event gave_up(const struct attempt *a, uint64_t ms, uint32_t syn_sent,
                                      int err)
{
	struct wd_event e = conn(a, ms, WD_CONN_CLOSED);

	e.conn.new_state = WD_TCP_CLOSE;
	e.conn.syn_sent = syn_sent;
	e.conn.err = err;
	return e;
}

static inline struct wd_event refused(const struct attempt *a, uint64_t ms, bool by_rst)
{
	struct wd_event e = gave_up(a, ms, 1, ECONNREFUSED);

	e.conn.rst_received = by_rst;
	return e;
}

static inline struct wd_event answered(const struct attempt *a, uint64_t ms, uint32_t syn_sent)
{
	struct wd_event e = conn(a, ms, WD_CONN_ESTABLISHED);

	e.conn.new_state = WD_TCP_ESTABLISHED;
	e.conn.syn_sent = syn_sent;
	return e;
}

static inline struct wd_event stalled(const struct attempt *a, uint64_t ms, uint32_t timeouts)
{
	struct wd_event e = conn(a, ms, WD_CONN_STALL);

	e.conn.old_state = e.conn.new_state = WD_TCP_ESTABLISHED;
	e.conn.retransmits = timeouts;
	e.conn.seg_len = 1000;
	return e;
}

static inline struct wd_event closed(const struct attempt *a, uint64_t ms, uint8_t old_state,
                                     int err, bool rst_received)
{
	struct wd_event e = conn(a, ms, WD_CONN_CLOSED);

	e.conn.old_state = old_state;
	e.conn.new_state = WD_TCP_CLOSE;
	e.conn.err = err;
	e.conn.rst_received = rst_received;
	return e;
}

static inline struct wd_event destroyed(const struct attempt *a, uint64_t ms, bool unread)
{
	struct wd_event e = conn(a, ms, WD_CONN_DESTROYED);

	e.conn.old_state = e.conn.new_state = WD_TCP_CLOSE;
	e.conn.rst_received = true;
	e.conn.error_unread = unread;
	e.conn.err = unread ? ECONNRESET : 0;
	return e;
}

/* connect(2) returned err. */
static inline struct wd_event connect_says(const struct attempt *a, uint64_t ms, int err)
{
	struct wd_event e = {.kind = WD_EVENT_CONNECT, .ts_ns = at(ms), .tuple = a->tuple};

	/* of the source only the address is in that record */
	e.tuple.sport = 0;
	e.connect.sock = a->sock;
	e.connect.owner = owner_of(a);
	e.connect.err = err;
	return e;
}

/* ---- what packets tell ------------------------------------------------------------------- */

static inline struct wd_event dropped(struct wd_tuple packet, uint64_t ms, uint8_t flags,
                                      const char *reason, const char *function)
{
	struct wd_event e = {.kind = WD_EVENT_DROP, .ts_ns = at(ms), .tuple = packet};

	e.drop.reason = reason;
	e.drop.function = function;
	e.drop.key = ms + 1;
	e.drop.count = 1;
	e.drop.first_ns = e.drop.last_ns = at(ms);
	e.drop.hook = WD_HOOK_FORWARD;
	e.drop.netns = NODE_NETNS;
	strcpy(e.drop.device, "veth1");
	e.drop.pkt_len = 60;
	e.drop.tcp_flags = flags;
	return e;
}

static inline struct wd_event syn_filtered(const struct attempt *a, uint64_t ms)
{
	return dropped(a->tuple, ms, SYN, "NETFILTER_DROP", "nf_hook_slow");
}

/* What conntrack knows of the packet: who asked whom, and who will answer to whom. */
static inline struct wd_event with_ct(struct wd_event e, struct wd_tuple orig,
                                      struct wd_tuple reply)
{
	e.drop.has_ct = true;
	e.drop.ct_orig = orig;
	e.drop.ct_reply = reply;
	return e;
}

/* This node's TCP answers a packet with RST. */
static inline struct wd_event reset_sent(struct wd_tuple packet, uint64_t ms, bool no_socket)
{
	struct wd_event e = {.kind = WD_EVENT_RESET_SENT, .ts_ns = at(ms), .tuple = packet};

	e.reset.netns = SERVER_NETNS;
	e.reset.no_socket = no_socket;
	e.reset.reason = no_socket ? "NO_SOCKET" : NULL;
	return e;
}

static inline struct wd_event synack_repeated(struct wd_tuple packet, uint64_t ms)
{
	struct wd_event e = {.kind = WD_EVENT_SYNACK_RETRANS, .ts_ns = at(ms), .tuple = packet};

	e.reset.netns = SERVER_NETNS;
	return e;
}

#endif
