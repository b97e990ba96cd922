/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where did the packets go? What the hooks on devices saw of an attempt.
 *
 * That a packet was seen is a fact. That none was seen is one only where a hook was attached
 * when a SYN is known to have been sent, nothing was lost, and the packet had to pass there:
 * BPF programs of others may carry it around a device, and a device that is not watched may
 * be the one that it took.
 */
#include "diagnose/where.h"

#include <string.h>

#include "base/clock.h"

/* A hook that was attached at that moment may have come too late for the packet; and what was
 * sent just now may not have arrived. */
#define MARGIN_NS  (10 * WD_NSEC_PER_MSEC)
#define TRANSIT_NS (50 * WD_NSEC_PER_MSEC)

/* ---- what each device says ------------------------------------------------------------- */

static uint64_t until(const struct wd_case *c)
{
	return c->flow->closed && c->flow->end_ns ? c->flow->end_ns : c->in->now_ns;
}

/* Was it there at that moment? */
static bool saw_then(const struct wd_watched *w, uint64_t at_ns)
{
	return w->since_ns + MARGIN_NS <= at_ns && (!w->until_ns || at_ns <= w->until_ns);
}

static void watch_of(const struct wd_case *c, struct wd_post *p, bool translated)
{
	const struct wd_watch_fact *x = c->in->watch;
	const struct wd_flow *f = c->flow;

	for (unsigned int i = 0; i < x->n; i++) {
		const struct wd_watched *w = &x->v[i];
		uint64_t from = w->since_ns > f->start_ns ? w->since_ns : f->start_ns;
		uint64_t to = w->until_ns && w->until_ns < until(c) ? w->until_ns : until(c);

		if (w->ifindex != p->ifindex)
			continue;
		p->watched = true;
		p->foreign |= w->foreign;
		if (to > from)
			p->watched_ms += (to - from) / WD_NSEC_PER_MSEC;
		for (unsigned int k = 0; k < f->n_syns; k++) {
			uint64_t at = f->syn_ns[k];

			if (!saw_then(w, at) || at + TRANSIT_NS > c->in->now_ns ||
			    at <= f->path_since_ns ||
			    (translated && x->since_ns && at < x->since_ns + MARGIN_NS))
				continue;
			p->expected++;
		}
	}
}

static struct wd_post *post_new(struct wd_where *w, uint32_t ifindex, const char *name,
                                const char *role)
{
	struct wd_post *p;

	for (unsigned int i = 0; i < w->n; i++)
		if (w->v[i].ifindex == ifindex)
			return &w->v[i];
	if (!ifindex || w->n == WD_POSTS_MAX)
		return NULL;
	p = &w->v[w->n++];
	p->ifindex = ifindex;
	p->name = name;
	p->role = role;
	return p;
}

static void see(struct wd_post *p, const struct wd_flow_sight *s)
{
	if (s->sight == WD_SIGHT_IN)
		p->in = s;
	else if (s->sight == WD_SIGHT_OUT)
		p->out = s;
	else if (s->sight == WD_SIGHT_XDP)
		p->xdp = s;
	/* as it is called now */
	if (s->device[0])
		p->name = s->device;
}

/* False when the hooks have nothing to do with this flow. */
static bool look(const struct wd_case *c, struct wd_where *w)
{
	const struct wd_watch_fact *x = c->in->watch;
	const struct wd_flow_path *seen = c->flow->path;

	memset(w, 0, sizeof(*w));
	if (!x || (!x->n && !seen))
		return false;
	/* in the order of the way there */
	w->client = post_new(w, x->path.client.ifindex, x->path.client.name, "client");
	w->backend = post_new(w, x->path.backend.ifindex, x->path.backend.name, "backend");
	w->uplink = post_new(w, x->path.uplink.ifindex, x->path.uplink.name, "uplink");
	for (unsigned int i = 0; i < x->path.n_outward; i++)
		post_new(w, x->path.outward[i].ifindex, x->path.outward[i].name, "other");
	for (unsigned int i = 0; seen && i < seen->n; i++) {
		struct wd_post *p = post_new(w, seen->v[i].ifindex, seen->v[i].device, "other");

		if (p)
			see(p, &seen->v[i]);
	}
	for (unsigned int i = 0; i < w->n; i++)
		watch_of(c, &w->v[i], &w->v[i] != w->client);
	return true;
}

static bool is_outside(const struct wd_where *w, const struct wd_post *p)
{
	return p != w->client && p != w->backend;
}

static uint32_t answers(const struct wd_flow_sight *s)
{
	return s ? s->syn_ack + s->rst + s->icmp : 0;
}

static uint32_t syns(const struct wd_flow_sight *s)
{
	return s ? s->syn : 0;
}

/* What a device received: XDP stands before tc, and sees what is dropped between. */
static const struct wd_flow_sight *received(const struct wd_post *p)
{
	return p->in ? p->in : p->xdp;
}

/* ---- words ----------------------------------------------------------------------------- */

static const char *packets(struct wd_case *c, const struct wd_flow_sight *s)
{
	const char *list = "";
	const struct {
		uint32_t n;
		const char *name;
	} all[] = {
		{syns(s), "SYN"},
		{s ? s->syn_ack : 0, "SYN-ACK"},
		{s ? s->rst : 0, "RST"},
		{s ? s->icmp : 0, "ICMP error"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!all[i].n)
			continue;
		list = list[0] ? wd_arena_append(c->arena, list, ", %u %s", all[i].n, all[i].name)
		               : wd_arena_printf(c->arena, "%u %s", all[i].n, all[i].name);
	}
	return list[0] ? list : "nothing";
}

/* "SYN-ACK", "RST" or "ICMP error": the answer that was seen. */
static const char *answer_name(const struct wd_flow_sight *s)
{
	return s->syn_ack ? "SYN-ACK" : s->rst ? "RST" : "ICMP error";
}

/* "12:04:31.2" */
static const char *clock_words(struct wd_case *c, uint64_t at_ns)
{
	uint64_t wall = at_ns + (uint64_t)c->in->wall_offset_ns;
	char text[9];

	wd_clock_format_local(wall, text);
	return wd_arena_printf(c->arena, "%s.%u", text,
	                       (unsigned int)(wall % WD_NSEC_PER_SEC / (WD_NSEC_PER_SEC / 10)));
}

static const char *client_words(struct wd_case *c)
{
	const struct wd_facts *x = c->facts;

	if (x->client.pod.name[0])
		return wd_arena_printf(c->arena, "pod %s/%s", x->client.pod.ns, x->client.pod.name);
	return x->client.host ? "the node" : "the client's network namespace";
}

/* " as 198.18.0.10:40000", where NAT has changed the source. */
static const char *source_words(struct wd_case *c, const struct wd_flow_sight *s)
{
	const struct wd_tuple *t = &c->flow->tuple;
	char text[WD_ENDPOINT_STRLEN];

	if (wd_addr_equal(&s->asked.saddr, &t->saddr) && s->asked.sport == t->sport)
		return "";
	return wd_arena_printf(c->arena, " as %s",
	                       wd_endpoint_format(&s->asked.saddr, s->asked.sport, text));
}

static const char *role_words(const struct wd_where *w, const struct wd_post *p)
{
	return p == w->client    ? " (the client's device)"
	       : p == w->backend ? " (the backend's device)"
	                         : "";
}

/* ---- the finding's path ---------------------------------------------------------------- */

static void path_add(struct wd_case *c, const struct wd_post *p, const struct wd_flow_sight *s,
                     bool out, bool xdp)
{
	struct wd_finding_path *r;

	if (c->f->n_path == WD_FINDING_PATH_MAX)
		return;
	r = &c->f->path[c->f->n_path++];
	*r = (struct wd_finding_path){
		.device = wd_arena_printf(c->arena, "%s", p->name),
		.role = p->role,
		.out = out,
		.xdp = xdp,
		.watched_ms = p->watched_ms,
	};
	if (!s)
		return;
	r->syn = s->syn;
	r->syn_ack = s->syn_ack;
	r->rst = s->rst;
	r->icmp = s->icmp;
}

static void tell_post(struct wd_case *c, const struct wd_where *w, const struct wd_post *p)
{
	const struct wd_flow_sight *in = received(p), *out = p->out;
	const char *line;
	char span[WD_SPAN_STRLEN];

	line = wd_arena_printf(c->arena, "%s%s: received %s, sent %s", p->name, role_words(w, p),
	                       packets(c, in), packets(c, out));
	if (out && out->syn)
		line = wd_arena_append(c->arena, line, "%s", source_words(c, out));
	if (in && answers(in) && in->ttl)
		line = wd_arena_append(c->arena, line, ", answer with TTL %u", in->ttl);
	if (p->xdp && answers(p->xdp) > answers(p->in))
		line = wd_arena_append(c->arena, line,
		                       "; XDP saw %s come in: a program between took it",
		                       packets(c, p->xdp));
	if (p->watched && p->expected < c->flow->n_syns)
		line = wd_arena_append(c->arena, line, "; watched for %s",
		                       wd_clock_format_span(p->watched_ms, span));
	wd_case_evidence(c, "packet", "%s", line);
}

static bool matters(const struct wd_where *w, const struct wd_post *p)
{
	return p->in || p->out || p->xdp ||
	       (p->watched && p->expected && (p == w->client || p == w->backend || p == w->uplink));
}

static void tell_limits(struct wd_case *c, const struct wd_where *w)
{
	const struct wd_watch_fact *x = c->in->watch;

	if (x->lost)
		wd_case_evidence(
			c, "missing",
			"%llu records of the packet hooks were lost: what was not seen may "
			"have passed",
			(unsigned long long)x->lost);
	for (unsigned int i = 0; i < w->n; i++)
		if (w->v[i].foreign && matters(w, &w->v[i]))
			wd_case_evidence(
				c, "missing",
				"programs of others are at tc of %s: packets may go around "
				"the hooks there",
				w->v[i].name);
	if (x->path.client_here && !x->path.client.ifindex && !c->drop)
		wd_case_evidence(c, "missing",
		                 "%s has no device of its own on the node that can be watched "
		                 "(ipvlan, macvlan, several networks)",
		                 client_words(c));
	if (c->flow->path && c->flow->path->late)
		wd_case_evidence(c, "packet", "an answer came after the client had given up");
}

void wd_where_describe(struct wd_case *c)
{
	struct wd_where w;

	if (!look(c, &w) || c->flow->tuple.proto != WD_PROTO_TCP)
		return;
	for (unsigned int i = 0; i < w.n; i++) {
		const struct wd_post *p = &w.v[i];

		if (!matters(&w, p))
			continue;
		path_add(c, p, p->in, false, false);
		path_add(c, p, p->out, true, false);
		if (p->xdp)
			path_add(c, p, p->xdp, false, true);
		tell_post(c, &w, p);
	}
	if (c->f->n_path)
		tell_limits(c, &w);
}

/* ---- what follows ---------------------------------------------------------------------- */

/* That nothing was seen there means something. */
static bool absence_counts(const struct wd_case *c, const struct wd_post *p)
{
	return p && p->expected && !p->foreign && !c->in->watch->lost && !c->in->watch->failed;
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

bool wd_where_answer_lost(struct wd_case *c)
{
	const struct wd_flow_sight *in = NULL, *got = NULL;
	const struct wd_post *by = NULL;
	struct wd_where w;
	const char *behind;

	if (drop_decides(c) || !look(c, &w))
		return false;
	for (unsigned int i = 0; i < w.n; i++) {
		const struct wd_post *p = &w.v[i];

		if (p == w.client || !received(p) || !answers(received(p)))
			continue;
		/* where it came first into this node */
		if (!in || received(p)->first_ns < in->first_ns) {
			in = received(p);
			by = p;
		}
	}
	if (w.client && w.client->out && answers(w.client->out))
		got = w.client->out;
	if (!in && !got)
		return false;
	c->f->where = NULL;
	if (got) {
		set_where(c, wd_arena_printf(c->arena,
		                             "in %s, behind %s: the node handed it the answer",
		                             client_words(c), w.client->name));
		wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
		               "%s answers (%s), and the answer reaches %s, which does not take it",
		               c->backend_name, answer_name(got), client_words(c));
		wd_case_next(
			c,
			"in %s: rules (nft list ruleset, iptables-save -c), rp_filter, and does "
			"it have the address that was used?",
			client_words(c));
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
	                             answer_name(in), clock_words(c, in->answer_ns)));
	wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
	               "%s answers (%s came in by %s), but the answer is lost in this node, %s%s",
	               c->backend_name, answer_name(in), by->name, behind,
	               wd_case_nothing_dropped(c) ? "; the kernel reports no drop" : "");
	wd_case_next(c,
	             "look at the way back: ip route get the client's address; rp_filter of %s; "
	             "conntrack; BPF programs (bpftool net)",
	             by->name);
	return true;
}

/* Every way by which an answer could come was watched. */
static bool all_ways_watched(const struct wd_case *c, const struct wd_where *w)
{
	const struct wd_path_fact *p = &c->in->watch->path;

	if (p->more_outward || c->in->watch->lost || c->in->watch->failed ||
	    c->flow->path_since_ns || (c->flow->path && c->flow->path->late))
		return false;
	for (unsigned int i = 0; i < w->n; i++)
		if (is_outside(w, &w->v[i]) && (!w->v[i].expected || w->v[i].foreign))
			return false;
	return true;
}

static void backend_silent(struct wd_case *c, const struct wd_where *w)
{
	const struct wd_flow_sight *out = w->backend->out;
	bool listens = c->facts->backend.listener == WD_LISTENER_PRESENT;
	bool sure = w->backend->expected && !c->in->watch->lost && !w->backend->foreign;

	if (listens)
		wd_case_evidence(c, "socket", "somebody listens on that port in %s",
		                 wd_case_backend_place(c));
	set_where(c, wd_arena_printf(c->arena, "reached %s by %s at %s (%u SYN), nothing came back",
	                             wd_case_backend_place(c), w->backend->name,
	                             clock_words(c, out->syn_ns), out->syn));
	wd_case_answer(c, WD_CAUSE_BACKEND_SILENT,
	               sure && listens && out->syn > 1 ? WD_CONFIDENCE_CERTAIN
	                                               : WD_CONFIDENCE_LIKELY,
	               "the SYN reaches %s, and nothing comes back from there", c->backend_name);
	wd_case_next(c,
	             "in the network namespace of %s: does it have the address (ip addr), do its "
	             "own rules take the SYN (nft list ruleset), and is the server well?",
	             c->backend_name);
}

static void upstream_silent(struct wd_case *c, const struct wd_where *w, const struct wd_post *by)
{
	const struct wd_path_fact *path = &c->in->watch->path;
	const struct wd_flow_sight *out = by->out;
	char egress[WD_ADDR_STRLEN], via[WD_ADDR_STRLEN];
	bool sure = out->syn > 1 && all_ways_watched(c, w);

	wd_addr_format(&out->asked.saddr, egress);
	set_where(c, wd_arena_printf(c->arena,
	                             "left this node by %s at %s (%u SYN%s), nothing "
	                             "came back",
	                             by->name, clock_words(c, out->syn_ns), out->syn,
	                             source_words(c, out)));
	wd_case_answer(c, WD_CAUSE_UPSTREAM_SILENT,
	               sure ? WD_CONFIDENCE_CERTAIN : WD_CONFIDENCE_LIKELY,
	               "the SYN leaves this node by %s, and nothing comes back from %s: it is lost "
	               "beyond this node",
	               by->name, c->backend);
	if (by == w->uplink && path->has_via)
		wd_case_evidence(c, "route", "the next hop is %s by %s",
		                 wd_addr_format(&path->via, via), by->name);
	else if (w->uplink && by != w->uplink)
		wd_case_evidence(c, "route", "the route to %s leads out by %s, but it left by %s",
		                 c->backend, w->uplink->name, by->name);
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

	if (c->drop || !look(c, &w))
		return false;
	if (w.backend && w.backend->out && w.backend->out->syn) {
		backend_silent(c, &w);
		return true;
	}
	for (unsigned int i = 0; i < w.n; i++)
		if (is_outside(&w, &w.v[i]) && syns(w.v[i].out) &&
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

	set_where(c, wd_arena_printf(c->arena,
	                             "%s, before its device: %s on the node saw none of %u %s",
	                             client_words(c), w->client->name, n, wd_case_packets(c, n)));
	wd_case_answer(c, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_POSSIBLE,
	               "the SYNs never leave %s: its device on the node saw none of the last %u%s",
	               client_words(c), n,
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
	               w->client->name, client_words(c));
	wd_case_next(c,
	             "on the node: ip neigh (is a next hop FAILED or INCOMPLETE?); does a rule "
	             "translate %s, and to whom? whydrop trace all sees it under any address",
	             c->target);
}

static void lost_inside(struct wd_case *c, const struct wd_where *w, const struct wd_post *to)
{
	const char *from = w->client ? wd_arena_printf(c->arena, "%s from %s", w->client->name,
	                                               client_words(c))
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

	if (c->drop || !look(c, &w) || !c->in->watch->path.known)
		return false;
	/* seen anywhere else than at the client's device: then nothing is sure but that */
	for (unsigned int i = 0; i < w.n; i++)
		if (&w.v[i] != w.client &&
		    (syns(w.v[i].out) || syns(w.v[i].in) || answers(received(&w.v[i]))))
			return false;
	if (w.client && absence_counts(c, w.client) && !syns(w.client->in) && !w.client->xdp) {
		never_left(c, &w);
		return true;
	}
	if (!c->in->watch->nat_known) {
		if (!w.client || !syns(w.client->in) || answers(w.client->out))
			return false;
		lost_sight(c, &w);
		return true;
	}
	to = w.backend ? w.backend : w.uplink;
	if (!absence_counts(c, to) || (!w.client && !c->in->watch->path.client_host) ||
	    (w.client && (!syns(w.client->in) || w.client->foreign)))
		return false;
	/* it may have taken another way out that nobody watches */
	if (to == w.uplink && !all_ways_watched(c, &w))
		return false;
	lost_inside(c, &w, to);
	return true;
}

const struct wd_flow_sight *wd_where_refused_from(struct wd_case *c, const char **ret_device)
{
	const struct wd_flow_sight *first = NULL;
	struct wd_where w;

	if (!look(c, &w))
		return NULL;
	for (unsigned int i = 0; i < w.n; i++) {
		const struct wd_flow_sight *s = received(&w.v[i]);

		if (!is_outside(&w, &w.v[i]) || !s || !(s->rst + s->icmp))
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
