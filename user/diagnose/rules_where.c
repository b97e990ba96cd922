/* SPDX-License-Identifier: Apache-2.0 */
/* Where the packets went: what follows from what the hooks on devices saw (where.c). */
#include "diagnose/where.h"

#include <string.h>

#include "base/clock.h"

/* That nothing was seen there means something. */
static bool absence_counts(const struct wd_case *c, const struct wd_post *p)
{
	return p && p->expected && !p->foreign && !c->in->watch->lost && !c->in->watch->failed &&
	       !wd_where_cut(c);
}

/* A drop without a reason may be any packet's: of a SYN, one that came after the answer. */
static bool drop_decides(const struct wd_case *c)
{
	return c->drop && (c->drop_class != WD_DROP_UNSPECIFIED || c->drop->reply);
}

static void set_where(struct wd_case *c, const char *text)
{
	if (!c->f->where)
		c->f->where = text;
}

static void icmp_only(struct wd_case *c, const struct wd_flow_sight *s, const struct wd_post *by)
{
	char from[WD_ADDR_STRLEN];

	wd_case_evidence(c, "packet", "an ICMP error (type %u code %u) of %s came by %s",
	                 s->icmp_type, s->icmp_code, wd_addr_format(&s->icmp_from, from), by->name);
}

bool wd_where_answer_lost(struct wd_case *c)
{
	const struct wd_flow_sight *in = NULL, *got = NULL;
	const struct wd_post *by = NULL;
	struct wd_where w;
	const char *behind;

	if (drop_decides(c) || !wd_where_look(c, &w))
		return false;
	for (unsigned int i = 0; i < w.n; i++) {
		const struct wd_post *p = &w.v[i];

		if (p == w.client || !wd_post_received(p) || !wd_sight_answers(wd_post_received(p)))
			continue;
		/* where it came first into this node */
		if (!in || wd_post_received(p)->first_ns < in->first_ns) {
			in = wd_post_received(p);
			by = p;
		}
	}
	if (w.client && w.client->out && wd_sight_answers(w.client->out))
		got = w.client->out;
	if (!in && !got)
		return false;
	/* an error of a router on the way, which a socket in use takes note of and goes on */
	if (!(in ? in->syn_ack + in->rst : 0) && !(got ? got->syn_ack + got->rst : 0)) {
		icmp_only(c, got ? got : in, got ? w.client : by);
		return false;
	}
	c->f->where = NULL;
	if (got) {
		set_where(c, wd_arena_printf(c->arena,
		                             "in %s, behind %s: the node handed it the answer",
		                             wd_where_client(c), w.client->name));
		wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
		               "%s answers (%s), and the answer reaches %s, which does not take it",
		               c->backend_name, wd_where_answer_name(got), wd_where_client(c));
		wd_case_next(
			c,
			"in %s: rules (nft list ruleset, iptables-save -c), rp_filter, and does "
			"it have the address that was used?",
			wd_where_client(c));
		return true;
	}
	if (c->flow->synack_retrans)
		wd_case_evidence(c, "event",
		                 "%u times a listener on this node repeated its SYN-ACK",
		                 c->flow->synack_retrans);
	behind = w.client && absence_counts(c, w.client)
	                 ? wd_arena_printf(c->arena, "between %s and %s", by->name, w.client->name)
	                 : wd_arena_printf(c->arena, "behind %s", by->name);
	set_where(c, wd_arena_printf(c->arena, "this node, %s (%s came in at %s)", behind,
	                             wd_where_answer_name(in), wd_where_clock(c, in->answer_ns)));
	wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
	               "%s answers (%s came in by %s), but the answer is lost in this node, %s%s",
	               c->backend_name, wd_where_answer_name(in), by->name, behind,
	               wd_case_nothing_dropped(c) ? "; the kernel reports no drop" : "");
	wd_case_next(c,
	             "look at the way back: ip route get the client's address; rp_filter of %s; "
	             "conntrack; BPF programs (bpftool net)",
	             by->name);
	return true;
}

/* Every way out, by which an answer could come as well, was watched for at least so many SYNs. */
static bool all_ways_watched(const struct wd_case *c, const struct wd_where *w, unsigned int syns)
{
	const struct wd_path_fact *p = &c->in->watch->path;

	if (p->more_outward || c->in->watch->lost || c->in->watch->failed || wd_where_cut(c) ||
	    c->flow->path_since_ns || (c->flow->path && c->flow->path->late))
		return false;
	for (unsigned int i = 0; i < w->n; i++)
		if (wd_post_is_outside(w, &w->v[i]) && (w->v[i].expected < syns || w->v[i].foreign))
			return false;
	return true;
}

static void backend_silent(struct wd_case *c, const struct wd_where *w)
{
	const struct wd_flow_sight *out = w->backend->out;
	bool listens = c->facts->backend.listener == WD_LISTENER_PRESENT;
	bool sure = absence_counts(c, w->backend);

	if (listens)
		wd_case_evidence(c, "socket", "somebody listens on that port in %s",
		                 wd_case_backend_place(c));
	set_where(c, wd_arena_printf(c->arena, "reached %s by %s at %s (%u SYN), nothing came back",
	                             wd_case_backend_place(c), w->backend->name,
	                             wd_where_clock(c, out->syn_ns), out->syn));
	wd_case_answer(c, WD_CAUSE_BACKEND_SILENT,
	               sure && listens && out->syn > 1 ? WD_CONFIDENCE_CERTAIN
	                                               : WD_CONFIDENCE_LIKELY,
	               "the SYN reaches %s, and nothing comes back from there", c->backend_name);
	wd_case_next(c,
	             "in the network namespace of %s: does it have the address (ip addr), do its "
	             "own rules take the SYN (nft list ruleset), and is the server well?",
	             c->backend_name);
}

static bool icmp_came(const struct wd_where *w)
{
	for (unsigned int i = 0; i < w->n; i++)
		if (wd_post_is_outside(w, &w->v[i]) && wd_post_received(&w->v[i]) &&
		    wd_post_received(&w->v[i])->icmp)
			return true;
	return false;
}

/* By which device it was to leave. */
static void tell_route(struct wd_case *c, const struct wd_where *w, const struct wd_post *by)
{
	const struct wd_path_fact *path = &c->in->watch->path;
	char via[WD_ADDR_STRLEN];

	if (by == w->uplink && path->has_via)
		wd_case_evidence(c, "route", "the next hop is %s by %s",
		                 wd_addr_format(&path->via, via), by->name);
	else if (w->uplink && by != w->uplink)
		wd_case_evidence(c, "route", "the route to %s leads out by %s, but it left by %s",
		                 c->backend, w->uplink->name, by->name);
}

/* The packet that carries it has other addresses: what becomes of that was not watched. */
static void into_tunnel(struct wd_case *c, const struct wd_where *w, const struct wd_post *by)
{
	const struct wd_flow_sight *out = by->out;

	set_where(c, wd_arena_printf(c->arena,
	                             "behind %s, a tunnel, at %s (%u SYN%s); nothing came back",
	                             by->name, wd_where_clock(c, out->syn_ns), out->syn,
	                             wd_where_source(c, out)));
	wd_case_answer(
		c, WD_CAUSE_UPSTREAM_SILENT, WD_CONFIDENCE_LIKELY,
		"the SYN enters the tunnel %s, and nothing comes back from %s: it is lost on the "
		"way to the other end, or beyond",
		by->name, c->backend);
	tell_route(c, w, by);
	wd_case_evidence(
		c, "missing",
		"the packets of the tunnel itself, which this node may have dropped, were not "
		"watched");
	wd_case_next(
		c,
		"ip -d link show %s; does the other end have a route and a neighbour entry (ip "
		"route get its address; bridge fdb show dev %s)? is the tunnel's own port or "
		"protocol let through on the way?",
		by->name, by->name);
}

static void upstream_silent(struct wd_case *c, const struct wd_where *w, const struct wd_post *by)
{
	const struct wd_flow_sight *out = by->out;
	const char *back = "nothing";
	char egress[WD_ADDR_STRLEN];
	/* one SYN, or one answer, may be lost by chance */
	bool sure = out->syn > 1 && all_ways_watched(c, w, 2);

	if (by->tunnel) {
		into_tunnel(c, w, by);
		return;
	}
	wd_addr_format(&out->asked.saddr, egress);
	if (icmp_came(w))
		back = "only an ICMP error";
	set_where(c,
	          wd_arena_printf(c->arena, "left this node by %s at %s (%u SYN%s), %s came back",
	                          by->name, wd_where_clock(c, out->syn_ns), out->syn,
	                          wd_where_source(c, out), back));
	wd_case_answer(
		c, WD_CAUSE_UPSTREAM_SILENT, sure ? WD_CONFIDENCE_CERTAIN : WD_CONFIDENCE_LIKELY,
		"the SYN leaves this node by %s, and %s comes back%s%s: it is lost beyond this "
		"node",
		by->name, back, back[0] == 'n' ? " from " : "", back[0] == 'n' ? c->backend : "");
	tell_route(c, w, by);
	wd_case_next(c,
	             "check what lies beyond: network security groups, firewall, route table, "
	             "authorized IP ranges, and the target itself; the source address that they "
	             "see is %s",
	             egress);
}

bool wd_where_got_there(struct wd_case *c)
{
	const struct wd_post *by = NULL;
	struct wd_where w;

	if (c->drop || !wd_where_look(c, &w))
		return false;
	if (w.backend && w.backend->out && w.backend->out->syn) {
		backend_silent(c, &w);
		return true;
	}
	for (unsigned int i = 0; i < w.n; i++)
		if (wd_post_is_outside(&w, &w.v[i]) && wd_sight_syns(w.v[i].out) &&
		    (!by || w.v[i].out->syn_ns > by->out->syn_ns))
			by = &w.v[i];
	if (!by || c->in->watch->path.backend_here)
		return false;
	upstream_silent(c, &w, by);
	return true;
}

static void never_left(struct wd_case *c, const struct wd_where *w)
{
	unsigned int n = w->client->expected;

	set_where(c, wd_arena_printf(
			     c->arena, "%s, before its device: %s on the node saw none of %u %s",
			     wd_where_client(c), w->client->name, n, wd_case_packets(c, n)));
	wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
	               "the SYNs never leave %s: its device on the node saw none of the last %u%s",
	               wd_where_client(c), n,
	               wd_case_nothing_dropped(c) ? ", and the kernel reports no drop" : "");
	wd_case_next(
		c, "in its network namespace: ip route get the target; ip neigh; ip -s link; tc -s "
		   "qdisc; tc filter show; nft list ruleset");
}

/* It came from the client, and that is all. */
static void lost_sight(struct wd_case *c, const struct wd_where *w)
{
	set_where(c, wd_arena_printf(c->arena, "behind %s, by which it came in", w->client->name));
	wd_case_evidence(c, "missing",
	                 "connection tracking does not know this connection (yet): where NAT sends "
	                 "it, and whether it passed elsewhere, cannot be told");
	wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
	               "the SYNs come in by %s from %s, and no answer goes back to it; where they "
	               "go from there was not seen",
	               w->client->name, wd_where_client(c));
	wd_case_next(c,
	             "on the node: ip neigh (is a next hop FAILED or INCOMPLETE?); does a rule "
	             "translate %s, and to whom? whydrop trace all sees it under any address",
	             c->target);
}

static void lost_inside(struct wd_case *c, const struct wd_where *w, const struct wd_post *to)
{
	const char *from = w->client ? wd_arena_printf(c->arena, "%s from %s", w->client->name,
	                                               wd_where_client(c))
	                             : NULL;
	unsigned int n = to->expected;

	set_where(c, from ? wd_arena_printf(c->arena, "this node, between %s and %s",
	                                    w->client->name, to->name)
	                  : wd_arena_printf(c->arena, "this node, before %s", to->name));
	wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
	               "%s%s, but %s, by which %s is reached, saw none of %u: lost inside this "
	               "node%s",
	               from ? "the SYNs come in by " : "the node sends SYNs", from ? from : "",
	               to->name, c->backend_name, n,
	               wd_case_nothing_dropped(c) ? ", and the kernel reports no drop" : "");
	wd_case_next(c, "on the node: ip route get the target from the client's address; tc filter "
	                "show; bpftool net; rules with NFQUEUE or TPROXY");
}

bool wd_where_vanished(struct wd_case *c)
{
	const struct wd_post *to;
	struct wd_where w;

	if (c->drop || !wd_where_look(c, &w) || !c->in->watch->path.known)
		return false;
	/* seen anywhere else than at the client's device: then nothing is sure but that */
	for (unsigned int i = 0; i < w.n; i++)
		if (&w.v[i] != w.client && (wd_sight_syns(w.v[i].out) || wd_sight_syns(w.v[i].in) ||
		                            wd_sight_answers(wd_post_received(&w.v[i]))))
			return false;
	if (w.client && absence_counts(c, w.client) && !wd_sight_syns(w.client->in) &&
	    !w.client->xdp) {
		never_left(c, &w);
		return true;
	}
	if (!c->in->watch->nat_known) {
		if (!w.client || !wd_sight_syns(w.client->in) || wd_sight_answers(w.client->out))
			return false;
		lost_sight(c, &w);
		return true;
	}
	to = w.backend ? w.backend : w.uplink;
	if (!absence_counts(c, to) || (!w.client && !c->in->watch->path.client_host) ||
	    (w.client && (!wd_sight_syns(w.client->in) || w.client->foreign)))
		return false;
	/* it may have taken another way out that nobody watches */
	if (to == w.uplink && !all_ways_watched(c, &w, 1))
		return false;
	lost_inside(c, &w, to);
	return true;
}

const struct wd_flow_sight *wd_where_refused_from(struct wd_case *c, const char **ret_device)
{
	const struct wd_flow_sight *first = NULL;
	struct wd_where w;

	if (!wd_where_look(c, &w))
		return NULL;
	for (unsigned int i = 0; i < w.n; i++) {
		const struct wd_flow_sight *s = wd_post_received(&w.v[i]);

		if (!wd_post_is_outside(&w, &w.v[i]) || !s || !(s->rst + s->icmp))
			continue;
		if (!first || s->first_ns < first->first_ns) {
			first = s;
			*ret_device = wd_arena_printf(c->arena, "%s", w.v[i].name);
		}
	}
	return first;
}

bool wd_where_blind(const struct wd_case *c)
{
	return c->in->watch && c->in->watch->failed && !c->drop &&
	       (c->flow->outcome == WD_OUTCOME_UNANSWERED ||
	        c->flow->outcome == WD_OUTCOME_ANSWERED_LATE);
}
