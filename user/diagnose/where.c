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
/* Nor is it known what came back if a hook was taken away before an answer had its time. */
#define ANSWER_NS WD_NSEC_PER_SEC

/* ---- what each device says ------------------------------------------------------------- */

static uint64_t until(const struct wd_case *c)
{
	return c->flow->closed && c->flow->end_ns ? c->flow->end_ns : c->in->now_ns;
}

/* Was it there at that moment, and long enough to see an answer? */
static bool saw_then(const struct wd_watched *w, uint64_t at_ns)
{
	return w->since_ns + MARGIN_NS <= at_ns &&
	       (!w->until_ns || at_ns + ANSWER_NS <= w->until_ns);
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

static struct wd_post *post_outward(struct wd_where *w, const struct wd_path_device *d,
                                    const char *role)
{
	struct wd_post *p = post_new(w, d->ifindex, d->name, role);

	if (p) {
		p->outward = true;
		p->tunnel = d->tunnel;
	}
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

bool wd_where_look(const struct wd_case *c, struct wd_where *w)
{
	const struct wd_watch_fact *x = c->in->watch;
	const struct wd_flow_path *seen = c->flow->path;

	memset(w, 0, sizeof(*w));
	if (!x || (!x->n && !seen))
		return false;
	/* in the order of the way there */
	w->client = post_new(w, x->path.client.ifindex, x->path.client.name, "client");
	w->backend = post_new(w, x->path.backend.ifindex, x->path.backend.name, "backend");
	w->uplink = post_outward(w, &x->path.uplink, "uplink");
	for (unsigned int i = 0; i < x->path.n_outward; i++)
		post_outward(w, &x->path.outward[i], "other");
	for (unsigned int i = 0; seen && i < seen->n; i++) {
		struct wd_post *p = post_new(w, seen->v[i].ifindex, seen->v[i].device, "other");

		if (p)
			see(p, &seen->v[i]);
	}
	for (unsigned int i = 0; i < w->n; i++)
		watch_of(c, &w->v[i], &w->v[i] != w->client);
	return true;
}

bool wd_post_is_outside(const struct wd_where *w, const struct wd_post *p)
{
	return p->outward && p != w->client && p != w->backend;
}

bool wd_where_cut(const struct wd_case *c)
{
	return c->flow->path && c->flow->path->beyond;
}

uint32_t wd_sight_answers(const struct wd_flow_sight *s)
{
	return s ? s->syn_ack + s->rst + s->icmp : 0;
}

uint32_t wd_sight_syns(const struct wd_flow_sight *s)
{
	return s ? s->syn : 0;
}

const struct wd_flow_sight *wd_post_received(const struct wd_post *p)
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
		{wd_sight_syns(s), "SYN"},
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

const char *wd_where_answer_name(const struct wd_flow_sight *s)
{
	return s->syn_ack ? "SYN-ACK" : s->rst ? "RST" : "ICMP error";
}

const char *wd_where_clock(struct wd_case *c, uint64_t at_ns)
{
	uint64_t wall = at_ns + (uint64_t)c->in->wall_offset_ns;
	char text[9];

	wd_clock_format_local(wall, text);
	return wd_arena_printf(c->arena, "%s.%u", text,
	                       (unsigned int)(wall % WD_NSEC_PER_SEC / (WD_NSEC_PER_SEC / 10)));
}

const char *wd_where_client(struct wd_case *c)
{
	const struct wd_facts *x = c->facts;

	if (x->client.pod.name[0])
		return wd_arena_printf(c->arena, "pod %s/%s", x->client.pod.ns, x->client.pod.name);
	return x->client.host ? "the node" : "the client's network namespace";
}

const char *wd_where_source(struct wd_case *c, const struct wd_flow_sight *s)
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
	const struct wd_flow_sight *in = wd_post_received(p), *out = p->out;
	const char *line;
	char span[WD_SPAN_STRLEN];

	line = wd_arena_printf(c->arena, "%s%s: received %s, sent %s", p->name, role_words(w, p),
	                       packets(c, in), packets(c, out));
	if (out && out->syn)
		line = wd_arena_append(c->arena, line, "%s", wd_where_source(c, out));
	if (in && wd_sight_answers(in) && in->ttl)
		line = wd_arena_append(c->arena, line, ", answer with TTL %u", in->ttl);
	if (p->xdp && wd_sight_answers(p->xdp) > wd_sight_answers(p->in))
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
		                 wd_where_client(c));
	if (c->flow->path && c->flow->path->late)
		wd_case_evidence(c, "packet", "an answer came after the client had given up");
}

void wd_where_describe(struct wd_case *c)
{
	struct wd_where w;

	if (!wd_where_look(c, &w) || c->flow->tuple.proto != WD_PROTO_TCP)
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
