/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow and what the node knows about it, built in steps: a base (who, to whom, how it
 * ended) and what was seen besides. Each step is a function, so that a test can leave one
 * out and see what the answer becomes.
 */
#ifndef WD_TESTS_DIAGNOSE_SITUATION_H
#define WD_TESTS_DIAGNOSE_SITUATION_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "diagnose/diagnose.h"

#define SEC WD_NSEC_PER_SEC

struct situation {
	struct wd_flow flow;
	struct wd_facts facts;
	struct wd_diagnose_input in;
};

typedef void (*step_fn)(struct situation *s);

#define STEPS_MAX 8

static inline struct wd_addr addr(const char *text)
{
	struct wd_addr a = {0};

	if (wd_addr_parse(text, &a))
		abort();
	return a;
}

/* ---- bases ------------------------------------------------------------------------------- */

/* shop/cart-0 dials a ClusterIP; its backend is on another node. */
static inline void tcp(struct situation *s)
{
	struct wd_flow *f = &s->flow;
	struct wd_facts *x = &s->facts;

	memset(s, 0, sizeof(*s));
	f->id = 7;
	f->tuple =
		(struct wd_tuple){addr("10.244.0.5"), addr("10.96.0.1"), 40000, 443, WD_PROTO_TCP};
	f->owner = (struct wd_owner){.pid = 4711, .netns = 4026532001u, .comm = "curl"};
	f->start_ns = 1000 * SEC;
	f->start_known = true;
	f->syn_sent = 3;
	f->mss = 1460;
	f->pmtu = 1500;
	f->outcome = WD_OUTCOME_UNANSWERED;
	x->client.host_known = true;
	strcpy(x->client.netns, "cni-1");
	strcpy(x->client.pod.ns, "shop");
	strcpy(x->client.pod.name, "cart-0");
	x->client.route = (struct wd_route_fact){.kind = WD_ROUTE_UNICAST, .device = "eth0"};
	x->backend.local_known = true;
	x->node_route = (struct wd_route_fact){.kind = WD_ROUTE_UNICAST, .device = "eth1"};
	x->neigh.state = WD_NEIGH_RESOLVED;
	x->neigh.addr = addr("192.0.2.1");
	strcpy(x->neigh.device, "eth1");
	s->in.final = true;
	s->in.now_ns = 1003 * SEC + 100 * WD_NSEC_PER_MSEC;
	s->in.sees_drops = s->in.sees_resets = true;
	for (unsigned int i = 0; i < WD_FLOW_DROPS_MAX; i++)
		s->in.drop_netns[i] = "node";
}

static inline void udp(struct situation *s)
{
	tcp(s);
	s->flow.tuple.proto = WD_PROTO_UDP;
	s->flow.tuple.dport = 53;
	s->flow.syn_sent = 0;
	s->flow.mss = 0;
	s->flow.outcome = WD_OUTCOME_DROPPED;
}

static inline void given_up(struct situation *s)
{
	s->flow.closed = true;
	s->flow.end_state = WD_TCP_SYN_SENT;
	s->flow.end_ns = s->in.now_ns;
}

static inline void client_error(struct situation *s, int err, enum wd_outcome outcome)
{
	given_up(s);
	s->flow.err = err;
	s->flow.outcome = outcome;
	if (outcome == WD_OUTCOME_REFUSED)
		s->flow.syn_sent = s->flow.syn_sent ? 1 : 0;
}

static inline void refused(struct situation *s)
{
	client_error(s, ECONNREFUSED, WD_OUTCOME_REFUSED);
}

static inline void unreachable(struct situation *s)
{
	client_error(s, EHOSTUNREACH, WD_OUTCOME_UNREACHABLE);
}

static inline void timed_out(struct situation *s)
{
	client_error(s, ETIMEDOUT, WD_OUTCOME_UNANSWERED);
}

/* connect(2) itself returned the error that the socket had told before. */
static inline void blocking(struct situation *s)
{
	s->flow.connect_failed = true;
}

static inline void connect_failed(struct situation *s, int err)
{
	client_error(s, err, WD_OUTCOME_FAILED);
	s->flow.connect_failed = true;
	s->flow.end_state = 0;
	s->flow.syn_sent = 0;
	s->flow.tuple.sport = 0;
}

static inline void no_network(struct situation *s)
{
	connect_failed(s, ENETUNREACH);
}

static inline void no_source_port(struct situation *s)
{
	connect_failed(s, EADDRNOTAVAIL);
	s->flow.end_state = WD_TCP_SYN_SENT;
	s->flow.syn_sent = 1;
}

static inline void late(struct situation *s)
{
	s->flow.outcome = WD_OUTCOME_ANSWERED_LATE;
	s->flow.established = true;
	s->flow.syn_sent = 2;
	s->flow.end_ns = 1001 * SEC;
}

static inline void stalled(struct situation *s)
{
	s->flow.outcome = WD_OUTCOME_STALLED;
	s->flow.established = true;
	s->flow.syn_sent = 1;
	s->flow.retransmits = 4;
	s->flow.seg_len = 300;
	s->flow.bytes_acked = 5000;
	s->flow.bytes_received = 90;
}

static inline void full_size(struct situation *s)
{
	s->flow.seg_len = 1460;
	s->flow.bytes_acked = 517;
}

static inline void was_reset(struct situation *s)
{
	s->flow.outcome = WD_OUTCOME_RESET;
	s->flow.established = true;
	s->flow.closed = true;
	s->flow.end_state = WD_TCP_ESTABLISHED;
	s->flow.end_ns = s->in.now_ns;
	s->flow.err = ECONNRESET;
	s->flow.rst_received = true;
	s->flow.syn_sent = 1;
	s->flow.bytes_acked = 100;
}

/* ---- resets ------------------------------------------------------------------------------ */

static inline void rst_received(struct situation *s)
{
	s->flow.rst_received = true;
}

static inline void rst_sent_here(struct situation *s)
{
	s->flow.rst_local = true;
	s->flow.rst_netns = 4026532002u;
}

static inline void rst_no_socket(struct situation *s)
{
	rst_sent_here(s);
	s->flow.rst_no_socket = true;
	s->flow.rst_reason = "NO_SOCKET";
}

static inline void synack_repeated(struct situation *s)
{
	s->flow.synack_retrans = 2;
	s->flow.synack_netns = 4026532002u;
}

/* ---- drops ------------------------------------------------------------------------------- */

static inline struct wd_flow_drop *drop(struct situation *s, const char *reason,
                                        const char *function, uint64_t count)
{
	struct wd_flow_drop *d = &s->flow.drops[s->flow.n_drops++];

	d->d.reason = reason;
	d->d.function = function;
	d->d.count = count;
	d->d.hook = WD_HOOK_FORWARD;
	d->d.netns = 4026531840u;
	strcpy(d->d.device, "veth1");
	d->d.tcp_flags = s->flow.tuple.proto == WD_PROTO_TCP && !s->flow.established ? 2 : 0;
	return d;
}

#define DROP_STEP(name, reason, function)                                           \
	static inline void name(struct situation *s)                                \
	{                                                                           \
		drop(s, reason, function, s->flow.syn_sent ? s->flow.syn_sent : 1); \
	}

DROP_STEP(filtered, "NETFILTER_DROP", "nf_hook_slow")
DROP_STEP(filtered_5_15, NULL, "nf_hook_slow")
DROP_STEP(rp_filtered, "IP_RPFILTER", "ip_rcv_finish_core")
DROP_STEP(no_route_drop, "IP_INNOROUTES", "ip_error")
DROP_STEP(neigh_drop, "NEIGH_FAILED", "arp_error_report")
DROP_STEP(too_big_drop, "PKT_TOO_BIG", "ip_forward")
DROP_STEP(queue_drop, "TCP_LISTEN_OVERFLOW", "tcp_conn_request")
DROP_STEP(no_socket_drop, "NO_SOCKET", "__udp4_lib_rcv")
DROP_STEP(bpf_drop, "TC_INGRESS", "sch_handle_ingress")
DROP_STEP(other_drop, "SKB_UCOPY_FAULT", "tun_net_xmit")
DROP_STEP(unspecified_drop, "NOT_SPECIFIED", "some_driver_xmit")
DROP_STEP(nameless_drop, NULL, NULL)

/* The last drop is of a packet on its way back, with these flags. */
static inline void is_reply(struct situation *s, uint8_t flags)
{
	struct wd_flow_drop *d = &s->flow.drops[s->flow.n_drops - 1];

	d->reply = true;
	d->d.count = 1;
	if (s->flow.tuple.proto == WD_PROTO_TCP)
		d->d.tcp_flags = flags;
}

static inline void is_synack(struct situation *s)
{
	is_reply(s, 0x12);
}

static inline void is_rst_reply(struct situation *s)
{
	is_reply(s, 0x14);
}

static inline void is_icmp_error(struct situation *s)
{
	struct wd_flow_drop *d = &s->flow.drops[s->flow.n_drops - 1];

	d->d.icmp_error = true;
	d->d.icmp_type = 3;
	d->reply = true;
	d->d.count = 1;
}

static inline void one_of_three(struct situation *s)
{
	s->flow.syn_sent = 3;
	s->flow.drops[s->flow.n_drops - 1].d.count = 1;
}

/* ---- further witnesses ------------------------------------------------------------------- */

/* Who in netfilter dropped what the last drop is about, in the same namespace. */
static inline void verdict(struct situation *s, enum wd_decider by, const char *family,
                           const char *table, const char *chain)
{
	const struct wd_flow_drop *d = &s->flow.drops[s->flow.n_drops - 1];

	s->flow.verdict = (struct wd_flow_verdict){
		.by = by,
		.hook = d->d.hook,
		.netns = d->d.netns,
		.reply = d->reply,
		.function = d->d.function,
		.family = family,
		.table = table,
		.chain = chain,
		.count = 1,
	};
}

static inline void by_nft(struct situation *s)
{
	verdict(s, WD_BY_NFT, "ip", "filter", "KUBE-FORWARD");
}

static inline void by_legacy(struct situation *s)
{
	verdict(s, WD_BY_XTABLE, "ip", "filter", "FORWARD");
}

static inline void by_no_table(struct situation *s)
{
	verdict(s, WD_BY_OTHER, "ip", NULL, NULL);
}

/* This node answered its SYN with an ICMP error. */
static inline void icmp_sent(struct situation *s, uint8_t type, uint8_t code)
{
	s->flow.icmp_sent =
		(struct wd_flow_icmp){.count = 1, .type = type, .code = code, .netns = 4026531840u};
	s->in.icmp_netns = "node";
}

static inline void sent_port_unreachable(struct situation *s)
{
	icmp_sent(s, 3, 3);
}

static inline void sent_host_unreachable(struct situation *s)
{
	icmp_sent(s, 3, 1);
}

static inline void sent_prohibited(struct situation *s)
{
	icmp_sent(s, 3, 13);
}

/* Its listener had no room for it. */
static inline void listener_full(struct situation *s)
{
	s->flow.listen_full = (struct wd_flow_listen){.count = 2,
	                                              .backlog = 129,
	                                              .max = 128,
	                                              .kind = WD_LISTEN_ACCEPT_SYN,
	                                              .netns = 4026532002u};
}

/* ---- facts ------------------------------------------------------------------------------- */

static inline void nat(struct situation *s)
{
	s->flow.has_backend = true;
	s->flow.backend = addr("10.244.1.20");
	s->flow.backend_port = 8443;
}

static inline void local_backend(struct situation *s)
{
	nat(s);
	s->facts.backend.local = true;
	strcpy(s->facts.backend.netns, "cni-2");
	strcpy(s->facts.backend.pod.ns, "payments");
	strcpy(s->facts.backend.pod.name, "api-1");
	s->facts.node_route = (struct wd_route_fact){.kind = WD_ROUTE_UNICAST, .device = "cbr0"};
}

static inline void backend_unknown(struct situation *s)
{
	s->facts.backend.local_known = false;
}

static inline void nobody_listens(struct situation *s)
{
	local_backend(s);
	s->facts.backend.listener = WD_LISTENER_NONE;
	s->facts.backend.ports[0] = 8080;
	s->facts.backend.ports[1] = 9090;
	s->facts.backend.n_ports = 2;
}

static inline void listens_on_loopback(struct situation *s)
{
	local_backend(s);
	s->facts.backend.listener = WD_LISTENER_LOOPBACK_ONLY;
}

static inline void listens_elsewhere(struct situation *s)
{
	local_backend(s);
	s->facts.backend.listener = WD_LISTENER_OTHER_ADDR;
}

static inline void listens(struct situation *s)
{
	local_backend(s);
	s->facts.backend.listener = WD_LISTENER_PRESENT;
}

static inline void queue_waits(struct situation *s)
{
	s->facts.backend.queue_known = true;
	s->facts.backend.queue = 2;
}

static inline void overflows_grew(struct situation *s)
{
	s->flow.overflows_known = true;
	s->flow.overflows = 5;
	s->facts.backend.overflows_known = true;
	s->facts.backend.overflows = 8;
}

static inline void client_has_no_route(struct situation *s)
{
	s->facts.client.route = (struct wd_route_fact){.kind = WD_ROUTE_NONE};
}

static inline void node_has_no_route(struct situation *s)
{
	s->facts.node_route = (struct wd_route_fact){.kind = WD_ROUTE_NONE};
}

static inline void node_rejects(struct situation *s)
{
	s->facts.node_route = (struct wd_route_fact){.kind = WD_ROUTE_REJECT};
}

static inline void node_route_unknown(struct situation *s)
{
	s->facts.node_route = (struct wd_route_fact){.kind = WD_ROUTE_UNKNOWN};
}

static inline void neigh_silent(struct situation *s)
{
	s->facts.neigh.state = WD_NEIGH_INCOMPLETE;
}

static inline void rpf_counted(struct situation *s)
{
	s->facts.rpf_known = true;
	s->facts.rpf_drops = 17;
}

static inline void events_lost(struct situation *s)
{
	s->in.lost_events = 3;
	s->in.lost_drops = 3;
}

static inline void behind_postrouting(struct situation *s)
{
	s->flow.drops[s->flow.n_drops - 1].d.hook = WD_HOOK_POSTROUTING;
}

static inline void insert_failed(struct situation *s)
{
	s->facts.ct_known = true;
	s->facts.ct_insert_failed = 4;
}

static inline void no_drop_probe(struct situation *s)
{
	s->in.sees_drops = false;
	s->in.missing_probes[s->in.n_missing_probes++] = "kfree_skb";
}

static inline void no_reset_probe(struct situation *s)
{
	s->in.sees_resets = false;
	s->in.missing_probes[s->in.n_missing_probes++] = "tcp_receive_reset";
}

/* The packet hooks saw it go out to the backend's device, and nothing come back. */
static inline void hooks_saw_backend(struct situation *s)
{
	static struct wd_flow_path path;
	static struct wd_watch_fact watch;

	path = (struct wd_flow_path){.n = 1};
	path.v[0] = (struct wd_flow_sight){.ifindex = 12, .device = "veth2", .sight = WD_SIGHT_OUT};
	path.v[0].syn = 3;
	path.v[0].syn_ns = 1002 * SEC;
	path.v[0].asked = s->flow.tuple;
	watch = (struct wd_watch_fact){.wanted = true, .nat_known = true, .n = 1};
	watch.path.known = watch.path.client_here = watch.path.backend_here = true;
	watch.path.backend = (struct wd_path_device){.ifindex = 12, .name = "veth2"};
	watch.v[0] = (struct wd_watched){.ifindex = 12, .device = "veth2", .since_ns = 900 * SEC};
	s->flow.path = &path;
	s->flow.n_syns = 1;
	s->flow.syn_ns[0] = 1000 * SEC;
	s->in.watch = &watch;
}

/* ---- the question ------------------------------------------------------------------------ */

static inline void build(struct situation *s, const step_fn *steps)
{
	for (unsigned int i = 0; i < STEPS_MAX && steps[i]; i++)
		steps[i](s);
}

static inline void judge(struct situation *s, struct wd_arena *a, struct wd_finding *ret)
{
	s->in.flow = &s->flow;
	s->in.facts = &s->facts;
	wd_diagnose(&s->in, a, ret);
}

/* Does any text of the answer contain this? */
static inline bool says(const struct wd_finding *f, const char *words)
{
	if (strstr(f->summary, words) || (f->where && strstr(f->where, words)))
		return true;
	for (unsigned int i = 0; i < f->n_evidence; i++)
		if (strstr(f->evidence[i].text, words))
			return true;
	for (unsigned int i = 0; i < f->n_next; i++)
		if (strstr(f->next[i], words))
			return true;
	return false;
}

#endif
