/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the packet hooks saw, joined to attempts.
 *
 * A packet belongs to an attempt by its tuple as the client dialled it, by what connection
 * tracking made of it, or by the sequence number of the SYN, which NAT leaves as it is (and
 * which tells two attempts with the same tuple apart). What comes before its attempt is known
 * waits in a ring: most connections are answered, and nobody ever asks for their packets.
 */
#include "flow/internal.h"

#include <stdlib.h>
#include <string.h>

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
/* RFC 1035, 4.1.1: QR */
#define DNS_ANSWER 0x8000

#define SEEN_MAX   2048u
#define SEEN_HEADS 1024u

struct seen {
	struct wd_event_packet p;
	struct wd_tuple tuple;
	uint64_t ts_ns;
	/* The one before of the same connection, of the same sequence number; positions count
	 * from 1, and what lies SEEN_MAX back was overwritten. */
	uint64_t by_conn, by_isn;
	bool taken;
};

struct wd_sights {
	struct seen v[SEEN_MAX];
	uint64_t conn[SEEN_HEADS], isn[SEEN_HEADS];
	uint64_t n;       /* all that ever came */
	uint64_t lost_ns; /* time of the latest that was overwritten and wanted by nobody yet */
};

enum way {
	WAY_NONE, /* not of this attempt */
	WAY_ASKS,
	WAY_ANSWERS,
};

static uint32_t conn_hash(const struct wd_tuple *t)
{
	struct wd_tuple back = wd_tuple_reverse(t);

	return (wd_tuple_hash(t) + wd_tuple_hash(&back)) % SEEN_HEADS;
}

static uint32_t isn_hash(uint32_t isn)
{
	return (isn * 2654435761u >> 16) % SEEN_HEADS;
}

/* The sequence number of the SYN that this packet is, answers, or quotes. */
static bool isn_of(const struct wd_event_packet *p, uint8_t proto, uint32_t *ret)
{
	if (proto != WD_PROTO_TCP)
		return false;
	if (p->icmp_error || (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		*ret = p->seq;
		return true;
	}
	if ((p->tcp_flags & TCP_ACK) && (p->tcp_flags & (TCP_SYN | TCP_RST))) {
		*ret = p->ack - 1;
		return true;
	}
	return false;
}

/* ---- whose is it --------------------------------------------------------------------- */

static bool goes_to(const struct wd_tuple *p, const struct wd_addr *a, uint16_t port)
{
	return p->dport == port && wd_addr_equal(&p->daddr, a);
}

static enum way way_by_tuple(const struct wd_entry *x, const struct wd_tuple *p)
{
	const struct wd_flow *f = &x->flow;
	struct wd_tuple back = wd_tuple_reverse(p), sent = f->tuple;

	if (wd_tuple_equal(p, &f->tuple))
		return WAY_ASKS;
	if (wd_tuple_equal(&back, &f->tuple))
		return WAY_ANSWERS;
	for (unsigned int i = 0; i < x->n_aliases; i++) {
		if (wd_tuple_equal(p, &x->aliases[i].key))
			return WAY_ASKS;
		if (wd_tuple_equal(&back, &x->aliases[i].key))
			return WAY_ANSWERS;
	}
	if (!f->has_backend)
		return WAY_NONE;
	sent.daddr = f->backend;
	sent.dport = f->backend_port;
	return wd_tuple_equal(p, &sent)       ? WAY_ASKS
	       : wd_tuple_equal(&back, &sent) ? WAY_ANSWERS
	                                      : WAY_NONE;
}

static enum way way_by_ct(const struct wd_flow *f, const struct wd_event_packet *p,
                          const struct wd_tuple *tuple)
{
	if (!p->has_ct || !wd_tuple_equal(&p->ct_orig, &f->tuple))
		return WAY_NONE;
	return goes_to(tuple, &p->ct_orig.daddr, p->ct_orig.dport) ||
	                       goes_to(tuple, &p->ct_reply.saddr, p->ct_reply.sport)
	               ? WAY_ASKS
	               : WAY_ANSWERS;
}

static enum way way_by_isn(const struct wd_event_packet *p)
{
	return p->icmp_error || !(p->tcp_flags & TCP_ACK) ? WAY_ASKS : WAY_ANSWERS;
}

static enum way way_of(const struct wd_entry *x, const struct wd_event_packet *p,
                       const struct wd_tuple *tuple, uint64_t ts_ns)
{
	const struct wd_flow *f = &x->flow;
	uint32_t isn = 0;
	bool has_isn = isn_of(p, tuple->proto, &isn), same = false;
	enum way way;

	if (tuple->proto != f->tuple.proto || !f->tuple.sport || ts_ns + WD_SETTLE_NS < f->start_ns)
		return WAY_NONE;
	if (has_isn && f->path && f->path->isn_known) {
		if (isn != f->path->isn)
			return WAY_NONE;
		same = true;
	}
	way = way_by_ct(f, p, tuple);
	if (way == WAY_NONE)
		way = way_by_tuple(x, tuple);
	if (way == WAY_NONE && same)
		way = way_by_isn(p);
	/* An error about the answer is no answer. */
	if (p->icmp_error)
		return way == WAY_ASKS ? WAY_ANSWERS : WAY_NONE;
	/* The next attempt from the same port, which is not known yet. */
	if (way == WAY_ASKS && !same && f->closed && ts_ns > f->end_ns)
		return WAY_NONE;
	return way;
}

static struct wd_entry *find_in(const struct wd_flow_table *t, const struct wd_tuple *client,
                                const struct wd_event *e, enum way *ret)
{
	struct wd_end end = wd_end_of(client);
	struct wd_bucket *b = wd_bucket_find(t, &end);
	struct wd_entry *x;

	/* the latest attempt of a tuple: ports are used again */
	for (x = b && b->flows ? b->flows->end_prev : NULL; x;
	     x = x == b->flows ? NULL : x->end_prev) {
		*ret = way_of(x, &e->packet, &e->tuple, e->ts_ns);
		if (*ret != WAY_NONE)
			return x;
	}
	return NULL;
}

static struct wd_entry *find_alias(const struct wd_flow_table *t, const struct wd_tuple *tuple,
                                   const struct wd_event *e, enum way *ret)
{
	struct wd_alias *a = NULL;
	struct wd_tuple key = wd_tuple_key(tuple);

	HASH_FIND(hh, t->aliases, &key, sizeof(key), a);
	*ret = a ? way_of(a->entry, &e->packet, &e->tuple, e->ts_ns) : WAY_NONE;
	return *ret == WAY_NONE ? NULL : a->entry;
}

static struct wd_entry *find(const struct wd_flow_table *t, const struct wd_event *e, enum way *ret)
{
	struct wd_tuple back = wd_tuple_reverse(&e->tuple);
	struct wd_entry *x = NULL;
	uint32_t isn;

	if (e->packet.has_ct)
		x = find_in(t, &e->packet.ct_orig, e, ret);
	if (!x)
		x = find_in(t, &e->tuple, e, ret);
	if (!x)
		x = find_in(t, &back, e, ret);
	if (!x)
		x = find_alias(t, &e->tuple, e, ret);
	if (!x)
		x = find_alias(t, &back, e, ret);
	if (x || !isn_of(&e->packet, e->tuple.proto, &isn))
		return x;
	HASH_FIND(hh_isn, t->isns, &isn, sizeof(isn), x);
	if (!x)
		return NULL;
	*ret = way_of(x, &e->packet, &e->tuple, e->ts_ns);
	return *ret == WAY_NONE ? NULL : x;
}

/* ---- other names of an attempt --------------------------------------------------------- */

static void alias_add(struct wd_flow_table *t, struct wd_entry *x, const struct wd_tuple *tuple)
{
	struct wd_alias *a, *old = NULL;

	if (wd_tuple_equal(tuple, &x->flow.tuple) || x->n_aliases == WD_ALIASES_MAX)
		return;
	for (unsigned int i = 0; i < x->n_aliases; i++)
		if (wd_tuple_equal(&x->aliases[i].key, tuple))
			return;
	a = &x->aliases[x->n_aliases++];
	a->entry = x;
	a->key = wd_tuple_key(tuple);
	HASH_FIND(hh, t->aliases, &a->key, sizeof(a->key), old);
	/* the port was given to another connection: it is the later one's now */
	if (old) {
		HASH_DEL(t->aliases, old);
		old->in_table = false;
	}
	HASH_ADD(hh, t->aliases, key, sizeof(a->key), a);
	a->in_table = true;
}

static void isn_learn(struct wd_flow_table *t, struct wd_entry *x, uint32_t isn)
{
	struct wd_entry *old = NULL;

	x->flow.path->isn_known = true;
	x->flow.path->isn = isn;
	HASH_FIND(hh_isn, t->isns, &isn, sizeof(isn), old);
	if (old)
		return;
	x->isn = isn;
	HASH_ADD(hh_isn, t->isns, isn, sizeof(x->isn), x);
	x->in_isns = true;
}

void wd_sight_forget(struct wd_flow_table *t, struct wd_entry *x)
{
	for (unsigned int i = 0; i < x->n_aliases; i++)
		if (x->aliases[i].in_table)
			HASH_DEL(t->aliases, &x->aliases[i]);
	if (x->in_isns)
		HASH_DELETE(hh_isn, t->isns, x);
	free(x->flow.path);
}

/* ---- counting -------------------------------------------------------------------------- */

static struct wd_flow_sight *place(struct wd_flow_path *p, const struct wd_event *e)
{
	struct wd_flow_sight *s;

	for (unsigned int i = 0; i < p->n; i++)
		if (p->v[i].ifindex == e->packet.ifindex && p->v[i].sight == e->packet.sight)
			return &p->v[i];
	if (p->n == WD_FLOW_SIGHTS_MAX) {
		p->beyond++;
		return NULL;
	}
	s = &p->v[p->n++];
	s->ifindex = e->packet.ifindex;
	s->sight = e->packet.sight;
	s->first_ns = e->ts_ns;
	return s;
}

static void count(struct wd_flow_sight *s, const struct wd_event *e, bool answers)
{
	const struct wd_event_packet *p = &e->packet;
	bool syn = p->tcp_flags & TCP_SYN, rst = p->tcp_flags & TCP_RST;
	bool told = true;

	/* a device that is renamed keeps its number */
	if (p->device[0])
		memcpy(s->device, p->device, sizeof(s->device));
	if (e->ts_ns > s->last_ns)
		s->last_ns = e->ts_ns;
	if (e->ts_ns < s->first_ns)
		s->first_ns = e->ts_ns;
	if (p->icmp_error) {
		s->icmp++;
		s->icmp_type = p->icmp_type;
		s->icmp_code = p->icmp_code;
		s->icmp_from = p->icmp_from;
	} else if (p->dns) {
		*(answers ? &s->answer : &s->query) += 1;
	} else if (rst) {
		s->rst += answers;
	} else if (syn) {
		*(answers ? &s->syn_ack : &s->syn) += 1;
	} else {
		s->fin += (p->tcp_flags & TCP_FIN) != 0;
		told = false;
	}
	if (!told || (!answers && rst))
		return;
	if (answers) {
		s->answer_ns = e->ts_ns;
		s->ttl = p->ttl;
	} else {
		s->syn_ns = e->ts_ns;
		s->asked = e->tuple;
	}
}

/* Returns true when another name of the attempt was learned by this packet. */
static bool apply(struct wd_flow_table *t, struct wd_entry *x, const struct wd_event *e,
                  enum way way)
{
	struct wd_flow *f = &x->flow;
	bool news = false, answers = way == WAY_ANSWERS;
	struct wd_tuple asked = answers && !e->packet.icmp_error ? wd_tuple_reverse(&e->tuple)
	                                                         : e->tuple;
	struct wd_flow_sight *s;
	uint32_t isn;

	if (!f->path) {
		f->path = calloc(1, sizeof(*f->path));
		if (!f->path)
			return false;
	}
	if (answers && f->closed && e->ts_ns > f->end_ns) {
		f->path->late++;
		return false;
	}
	/* of a SYN only: the client's own RST, if that is seen first, would lead astray */
	if (!f->path->isn_known && !answers && !e->packet.icmp_error &&
	    (e->packet.tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
	    isn_of(&e->packet, e->tuple.proto, &isn)) {
		isn_learn(t, x, isn);
		news = true;
	}
	if (way_by_tuple(x, &e->tuple) == WAY_NONE) {
		alias_add(t, x, &asked);
		news = true;
	}
	s = place(f->path, e);
	if (s)
		count(s, e, answers);
	return news;
}

/* ---- waiting --------------------------------------------------------------------------- */

static struct seen *seen_at(struct wd_sights *s, uint64_t position)
{
	if (!position || position + SEEN_MAX <= s->n)
		return NULL;
	return &s->v[(position - 1) % SEEN_MAX];
}

static void wait_for_attempt(struct wd_flow_table *t, const struct wd_event *e)
{
	struct wd_sights *s = t->sights;
	struct seen *w;
	uint32_t isn, h;

	/* An attempt that fails has shown itself before its first FIN; and one datagram is like
	 * another. */
	if (e->tuple.proto != WD_PROTO_TCP ||
	    (!e->packet.icmp_error && !(e->packet.tcp_flags & (TCP_SYN | TCP_RST))))
		return;
	if (!s) {
		s = t->sights = calloc(1, sizeof(*s));
		if (!s)
			return;
	}
	w = &s->v[s->n % SEEN_MAX];
	if (s->n >= SEEN_MAX && !w->taken && w->ts_ns > s->lost_ns)
		s->lost_ns = w->ts_ns;
	w->p = e->packet;
	w->tuple = e->tuple;
	w->ts_ns = e->ts_ns;
	w->taken = false;
	h = conn_hash(e->packet.has_ct ? &e->packet.ct_orig : &e->tuple);
	w->by_conn = s->conn[h];
	s->conn[h] = ++s->n;
	w->by_isn = 0;
	if (isn_of(&e->packet, e->tuple.proto, &isn)) {
		h = isn_hash(isn);
		w->by_isn = s->isn[h];
		s->isn[h] = s->n;
	}
}

static bool take(struct wd_flow_table *t, struct wd_entry *x, struct seen *w)
{
	struct wd_event e = {.kind = WD_EVENT_PACKET, .ts_ns = w->ts_ns, .tuple = w->tuple};
	enum way way;

	if (w->taken)
		return false;
	way = way_of(x, &w->p, &w->tuple, w->ts_ns);
	if (way == WAY_NONE)
		return false;
	e.packet = w->p;
	w->taken = true;
	return apply(t, x, &e, way);
}

/* Chains are short, and go back in time: each is walked from its old end. */
#define CHAIN_MAX 64

static bool take_chain(struct wd_flow_table *t, struct wd_entry *x, uint64_t head, bool by_isn)
{
	struct seen *chain[CHAIN_MAX], *w = seen_at(t->sights, head);
	unsigned int n = 0;
	bool news = false;

	while (w && n < CHAIN_MAX) {
		uint64_t at = by_isn ? w->by_isn : w->by_conn;

		chain[n++] = w;
		w = seen_at(t->sights, at);
	}
	while (n)
		news |= take(t, x, chain[--n]);
	return news;
}

void wd_sight_collect(struct wd_flow_table *t, struct wd_entry *x)
{
	struct wd_sights *s = t->sights;
	bool news = true;

	if (!s || !x->flow.tuple.sport)
		return;
	if (s->lost_ns >= x->flow.start_ns && s->lost_ns > x->flow.path_since_ns)
		x->flow.path_since_ns = s->lost_ns;
	/* every name that is learned may lead to more */
	for (unsigned int round = 0; news && round < 4; round++) {
		news = take_chain(t, x, s->conn[conn_hash(&x->flow.tuple)], false);
		for (unsigned int i = 0; i < x->n_aliases; i++)
			news |= take_chain(t, x, s->conn[conn_hash(&x->aliases[i].key)], false);
		if (x->flow.path && x->flow.path->isn_known)
			news |= take_chain(t, x, s->isn[isn_hash(x->flow.path->isn)], true);
	}
}

void wd_sight_event(struct wd_flow_table *t, const struct wd_event *e)
{
	enum way way;
	struct wd_entry *x = find(t, e, &way);

	if (!x) {
		wait_for_attempt(t, e);
		return;
	}
	if (!x->done && apply(t, x, e, way))
		wd_sight_collect(t, x);
}

void wd_flow_table_nat(struct wd_flow_table *t, struct wd_flow *f, const struct wd_tuple *reply)
{
	struct wd_entry *x = (struct wd_entry *)(void *)f;
	struct wd_tuple sent = wd_tuple_reverse(reply);

	if (f->has_reply && wd_tuple_equal(&f->reply, reply))
		return;
	f->has_reply = true;
	f->reply = *reply;
	/* what conntrack says outweighs what was inferred from ports */
	if (!wd_addr_equal(&reply->saddr, &f->tuple.daddr) || reply->sport != f->tuple.dport) {
		f->has_backend = true;
		f->backend_inferred = false;
		f->backend = reply->saddr;
		f->backend_port = reply->sport;
	}
	alias_add(t, x, &sent);
	wd_sight_collect(t, x);
}

void wd_sights_free(struct wd_flow_table *t)
{
	free(t->sights);
}
