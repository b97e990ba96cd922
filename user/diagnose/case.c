/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose/case.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

void wd_case_answer(struct wd_case *c, enum wd_cause cause, enum wd_confidence confidence,
                    const char *fmt, ...)
{
	va_list ap;

	c->f->cause = cause;
	c->f->confidence = confidence;
	va_start(ap, fmt);
	c->f->summary = wd_arena_vprintf(c->arena, fmt, ap);
	va_end(ap);
}

void wd_case_evidence(struct wd_case *c, const char *kind, const char *fmt, ...)
{
	struct wd_evidence *e;
	va_list ap;

	if (c->f->n_evidence == WD_FINDING_EVIDENCE_MAX)
		return;
	e = &c->f->evidence[c->f->n_evidence++];
	e->kind = kind;
	va_start(ap, fmt);
	e->text = wd_arena_vprintf(c->arena, fmt, ap);
	va_end(ap);
}

void wd_case_next(struct wd_case *c, const char *fmt, ...)
{
	va_list ap;

	if (c->f->n_next == WD_FINDING_NEXT_MAX)
		return;
	va_start(ap, fmt);
	c->f->next[c->f->n_next++] = wd_arena_vprintf(c->arena, fmt, ap);
	va_end(ap);
}

const char *wd_case_packets(const struct wd_case *c, uint64_t n)
{
	if (c->flow->tuple.proto == WD_PROTO_UDP)
		return n == 1 ? "datagram" : "datagrams";
	if (c->flow->established && c->flow->outcome != WD_OUTCOME_ANSWERED_LATE)
		return n == 1 ? "packet" : "packets";
	return n == 1 ? "SYN" : "SYNs";
}

bool wd_case_absence_counts(const struct wd_case *c)
{
	uint64_t sent = c->flow->syn_sent ? c->flow->syn_sent : 1;

	/* each SYN would have left a drop: as many would have to be lost */
	return c->in->sees_drops && c->in->lost_drops < sent;
}

const char *wd_case_place(struct wd_case *c, unsigned int i)
{
	return wd_case_netns(c, c->in->drop_netns[i]);
}

const struct wd_flow_verdict *wd_case_verdict(const struct wd_case *c)
{
	const struct wd_flow_verdict *v = &c->flow->verdict;

	if (v->by == WD_BY_UNKNOWN || !c->drop || c->drop_class != WD_DROP_NETFILTER ||
	    v->reply != c->drop->reply || (v->netns && v->netns != c->drop->d.netns))
		return NULL;
	/* tables of ebtables-legacy have no probe: that none decided is not known of a bridge */
	if (v->by == WD_BY_OTHER && v->family && strcmp(v->family, "bridge") == 0)
		return NULL;
	return v;
}

enum wd_hook wd_case_hook(const struct wd_case *c)
{
	const struct wd_flow_verdict *v = wd_case_verdict(c);

	return v && v->hook != WD_HOOK_UNKNOWN ? v->hook : c->drop->d.hook;
}

const char *wd_case_netns(struct wd_case *c, const char *name)
{
	if (!name)
		return "this node";
	if (strcmp(name, "node") == 0)
		return "the node";
	return wd_arena_printf(c->arena, "%s%s", strchr(name, '/') ? "pod " : "netns ", name);
}

bool wd_case_nothing_dropped(const struct wd_case *c)
{
	return wd_case_absence_counts(c) && c->flow->n_drops == 0 && c->flow->drops_beyond == 0 &&
	       c->flow->verdict.by == WD_BY_UNKNOWN;
}

bool wd_case_route_missing(const struct wd_route_fact *r)
{
	return r->kind == WD_ROUTE_REJECT || (r->kind == WD_ROUTE_NONE && !r->other_tables);
}

const char *wd_case_backend_place(struct wd_case *c)
{
	if (c->facts->backend.pod.name[0])
		return wd_arena_printf(c->arena, "pod %s/%s", c->facts->backend.pod.ns,
		                       c->facts->backend.pod.name);
	if (c->facts->backend.host)
		return "the node's own namespace";
	return c->facts->backend.netns[0] ? wd_arena_printf(c->arena, "%s", c->facts->backend.netns)
	                                  : "its network namespace";
}

/* ---- which drop explains it ---------------------------------------------------------- */

/* Packets that ask (client to target) explain a missing answer; of those that answer, the
 * SYN-ACK, RST, datagrams and data do. A latecomer's fate explains nothing. */
static bool explains(const struct wd_flow *f, const struct wd_flow_drop *d)
{
	bool syn = d->d.tcp_flags & 2;

	if (d->d.icmp_error)
		return false;
	if (f->tuple.proto == WD_PROTO_UDP)
		return true;
	if (d->reply && d->d.reason && strcmp(d->d.reason, "NO_SOCKET") == 0)
		return false;
	if (!f->established || f->outcome == WD_OUTCOME_ANSWERED_LATE)
		return syn || d->d.tcp_flags == 0 || (d->reply && (d->d.tcp_flags & 4));
	/* of an established connection the opening SYN is history, and RST is an end */
	return !syn && !(d->d.tcp_flags & 4);
}

/* Without reasons (below 5.17) reverse path filtering shows by where it frees a packet whose source
 * has no way back, among others, and by its own counter. The facts are of the first drop's
 * namespace. */
static enum wd_drop_class class_of(const struct wd_case *c, const struct wd_flow_drop *d)
{
	enum wd_drop_class class = wd_drop_class(&d->d);

	if (class == WD_DROP_UNSPECIFIED && d->d.function &&
	    strcmp(d->d.function, "ip_rcv_finish_core") == 0 && c->facts->rpf_known &&
	    d->d.netns == c->flow->drops[0].d.netns &&
	    c->facts->rpf_drops >= d->before + d->d.count)
		return WD_DROP_RPFILTER;
	return class;
}

static void choose_drop(struct wd_case *c)
{
	const struct wd_flow *f = c->flow;
	unsigned int best_rank = 0;

	for (unsigned int i = 0; i < f->n_drops; i++) {
		const struct wd_flow_drop *d = &f->drops[i];
		enum wd_drop_class class = class_of(c, d);
		unsigned int rank = (WD_DROP_CLASS_MAX - (unsigned int)class) * 2 + !d->reply;

		if (!explains(f, d) || rank <= best_rank)
			continue;
		best_rank = rank;
		c->drop = d;
		c->drop_index = i;
		c->drop_class = class;
		c->drop_count = d->before + d->d.count;
	}
}

/* ---- what is common to all answers ----------------------------------------------------- */

static void describe_parties(struct wd_case *c)
{
	const struct wd_flow *f = c->flow;
	const struct wd_facts *x = c->facts;
	struct wd_finding *r = c->f;

	r->proto = f->tuple.proto;
	r->client.ip = f->tuple.saddr;
	r->client.port = f->tuple.sport;
	r->client.host_known = x->client.host_known;
	r->client.host = x->client.host;
	r->client.pod = x->client.pod;
	if (x->client.netns[0])
		r->client.netns = wd_arena_printf(c->arena, "%s", x->client.netns);
	r->client.pid = f->owner.pid;
	if (f->owner.pid)
		r->client.comm = wd_arena_printf(c->arena, "%s", f->owner.comm);
	r->target.ip = f->tuple.daddr;
	r->target.port = f->tuple.dport;
	if (f->has_backend) {
		r->backend.known = true;
		r->backend.ip = f->backend;
		r->backend.port = f->backend_port;
	} else if (x->backend.local && x->backend.pod.name[0]) {
		r->backend.known = true;
		r->backend.ip = f->tuple.daddr;
		r->backend.port = f->tuple.dport;
	}
	r->backend.pod = x->backend.pod;
	wd_case_name_parties(c);
	wd_endpoint_format(&f->tuple.daddr, f->tuple.dport, c->target);
	if (f->has_backend)
		wd_endpoint_format(&f->backend, f->backend_port, c->backend);
	else
		memcpy(c->backend, c->target, sizeof(c->backend));
	if (r->backend.pod.name[0])
		c->backend_name =
			wd_arena_printf(c->arena, "%s/%s", r->backend.pod.ns, r->backend.pod.name);
	else
		c->backend_name = c->backend;
}

static void describe_drop(struct wd_case *c)
{
	const struct wd_event_drop *d;
	struct wd_finding *r = c->f;

	if (!c->drop)
		return;
	d = &c->drop->d;
	r->drop.known = true;
	r->drop.reason = d->reason;
	r->drop.function = d->function;
	if (c->drop_class == WD_DROP_NETFILTER && wd_case_hook(c) != WD_HOOK_UNKNOWN)
		r->drop.hook = wd_hook_name(wd_case_hook(c));
	if (d->device[0])
		r->drop.device = wd_arena_printf(c->arena, "%s", d->device);
	if (c->in->drop_netns[c->drop_index])
		r->drop.netns = wd_arena_printf(c->arena, "%s", c->in->drop_netns[c->drop_index]);
	r->drop.count = c->drop_count;
	r->where = wd_arena_printf(
		c->arena, "%s%s%s%s%s  (kernel: %s%s%s)", wd_case_place(c, c->drop_index),
		r->drop.hook ? ", netfilter hook " : "", r->drop.hook ? r->drop.hook : "",
		r->drop.device ? ", device " : "", r->drop.device ? r->drop.device : "",
		d->reason ? d->reason : "packet dropped", d->function ? " in " : "",
		d->function ? d->function : "");
}

static const char *elapsed(struct wd_case *c)
{
	uint64_t ms = c->f->elapsed_ms;

	if (ms < 1000)
		return wd_arena_printf(c->arena, "%u ms", (unsigned int)ms);
	return wd_arena_printf(c->arena, "%u.%u s", (unsigned int)(ms / 1000),
	                       (unsigned int)(ms % 1000 / 100));
}

static const char *outcome_words(struct wd_case *c)
{
	const struct wd_flow *f = c->flow;

	switch (f->outcome) {
	case WD_OUTCOME_UNANSWERED:
		return "unanswered";
	case WD_OUTCOME_ANSWERED_LATE:
		return "then answered";
	case WD_OUTCOME_REFUSED:
		return f->rst_received ? "answered with RST" : "refused";
	case WD_OUTCOME_UNREACHABLE:
		return "answered as unreachable";
	default:
		return "sent";
	}
}

static void describe_attempt(struct wd_case *c)
{
	const struct wd_flow *f = c->flow;
	uint64_t until = f->end_ns ? f->end_ns : c->in->now_ns;

	c->f->attempts = f->tuple.proto == WD_PROTO_UDP ? (uint32_t)wd_flow_drop_count(f)
	                                                : f->syn_sent;
	if (!c->f->attempts && f->n_drops && f->tuple.proto == WD_PROTO_TCP)
		c->f->attempts = (uint32_t)c->drop_count;
	c->f->elapsed_ms = until > f->start_ns ? (until - f->start_ns) / WD_NSEC_PER_MSEC : 0;
	c->f->err = f->err;
	c->f->outcome = f->outcome;
	if (f->tuple.proto == WD_PROTO_TCP && f->syn_sent && f->tuple.sport &&
	    (!f->established || f->outcome == WD_OUTCOME_ANSWERED_LATE))
		wd_case_evidence(c, "socket", "%u %s in %s, %s", f->syn_sent,
		                 wd_case_packets(c, f->syn_sent), elapsed(c), outcome_words(c));
	if (f->err && f->owner.pid)
		wd_case_evidence(c, "socket", "the client got %s", wd_errno_name(c->arena, f->err));
}

static const char *packet_words(const struct wd_case *c, const struct wd_flow_drop *d, uint64_t n)
{
	if (!d->reply)
		return wd_case_packets(c, n);
	if (d->d.tcp_flags & 2)
		return n == 1 ? "SYN-ACK" : "SYN-ACKs";
	if (d->d.tcp_flags & 4)
		return "RST";
	if (c->flow->tuple.proto == WD_PROTO_UDP)
		return n == 1 ? "datagram" : "datagrams";
	return n == 1 ? "packet" : "packets";
}

static void describe_drops(struct wd_case *c)
{
	const struct wd_flow *f = c->flow;

	for (unsigned int i = 0; i < f->n_drops; i++) {
		const struct wd_flow_drop *d = &f->drops[i];
		uint64_t n = d->before + d->d.count;

		if (d->d.icmp_error) {
			wd_case_evidence(c, "drop", "%llu ICMP %s about it dropped in %s: %s",
			                 (unsigned long long)n, n == 1 ? "error" : "errors",
			                 wd_case_place(c, i),
			                 d->d.reason ? d->d.reason : "no reason");
			continue;
		}
		wd_case_evidence(c, "drop", "%llu %s%s dropped in %s: %s%s%s",
		                 (unsigned long long)n, packet_words(c, d, n),
		                 d->reply ? " (answer)" : "", wd_case_place(c, i),
		                 d->d.reason ? d->d.reason : "no reason given",
		                 d->d.function ? " in " : "", d->d.function ? d->d.function : "");
	}
	if (f->drops_beyond)
		wd_case_evidence(c, "drop", "%llu more drops in other places",
		                 (unsigned long long)f->drops_beyond);
	if (f->has_backend)
		wd_case_evidence(c, "event", "%s is translated to %s%s", c->target, c->backend,
		                 f->backend_inferred ? " (known only by the same source address "
		                                       "and port)"
		                                     : " (conntrack)");
}

/* Reached only by what the rules have not said already. */
static void describe_witnesses(struct wd_case *c)
{
	const struct wd_flow *f = c->flow;
	const struct wd_flow_verdict *v = wd_case_verdict(c);

	if (v && v->by != WD_BY_OTHER) {
		c->f->rule.known = true;
		c->f->rule.tool = v->by == WD_BY_NFT ? "nft" : "iptables-legacy";
		c->f->rule.family = v->family;
		c->f->rule.table = v->table;
		c->f->rule.chain = v->chain;
	}
	if (f->icmp_sent.count)
		wd_case_evidence(c, "event",
		                 "%s answered %u of its packets with ICMP%s type %u code %u",
		                 wd_case_netns(c, c->in->icmp_netns), f->icmp_sent.count,
		                 f->icmp_sent.v6 ? "v6" : "", f->icmp_sent.type, f->icmp_sent.code);
	if (f->listen_full.count)
		wd_case_evidence(
			c, "event",
			"its listener had no room for it %u times: %u connections wait for "
			"accept(2), %u may",
			f->listen_full.count, f->listen_full.backlog, f->listen_full.max);
}

/* Probes that would have told more of just this. */
static void describe_blind_witnesses(struct wd_case *c)
{
	const char *name = NULL;

	if (c->f->cause == WD_CAUSE_FILTER_DENIED && c->drop && !c->f->rule.known &&
	    c->drop_class == WD_DROP_NETFILTER)
		name = c->in->blind_verdicts;
	if (c->f->cause == WD_CAUSE_BACKEND_ACCEPT_QUEUE_FULL && !c->flow->listen_full.count)
		name = c->in->blind_listen;
	if (name && c->f->n_missing_probes < WD_FINDING_MISSING_MAX)
		c->f->missing_probes[c->f->n_missing_probes++] = name;
}

static void describe_blind_spots(struct wd_case *c)
{
	const struct wd_diagnose_input *in = c->in;

	c->f->lost_events = in->lost_events;
	c->f->n_missing_probes = in->n_missing_probes;
	for (unsigned int i = 0; i < in->n_missing_probes; i++)
		c->f->missing_probes[i] = in->missing_probes[i];
	if (wd_where_blind(c) && c->f->n_missing_probes < WD_FINDING_MISSING_MAX)
		c->f->missing_probes[c->f->n_missing_probes++] = "packet hooks";
}

/* First match wins; each knows which outcomes it may speak about. */
static const wd_rule_fn rules[] = {
	wd_rule_connect_failed, wd_rule_dropped,     wd_rule_established,
	wd_rule_refused,        wd_rule_unreachable, wd_rule_unanswered,
};

void wd_diagnose(const struct wd_diagnose_input *in, struct wd_arena *a, struct wd_finding *ret)
{
	bool answered = false;
	struct wd_case c = {.in = in, .flow = in->flow, .facts = in->facts, .arena = a, .f = ret};

	wd_arena_reset(a);
	memset(ret, 0, sizeof(*ret));
	ret->id = in->flow->id;
	ret->final = in->final;
	ret->wall_ns = in->flow->start_ns + (uint64_t)in->wall_offset_ns;
	choose_drop(&c);
	describe_parties(&c);
	describe_attempt(&c);
	wd_case_describe_cluster(&c);
	describe_drop(&c);
	describe_drops(&c);
	describe_witnesses(&c);
	wd_where_describe(&c);
	describe_blind_spots(&c);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && !answered; i++)
		answered = rules[i](&c);
	if (!answered)
		wd_case_answer(
			&c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
			"the attempt failed, and nothing that was seen on this node explains it");
	describe_blind_witnesses(&c);
}
