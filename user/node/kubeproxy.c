/* SPDX-License-Identifier: Apache-2.0 */
#include "node/kubeproxy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/tuple.h"
#include "node/kubeproxy_graph.h"
#include "node/podpath.h"

/* Text that is kept of one that was refused. */
#define REFUSED_TEXT 128

int wd_kubeproxy_new(struct wd_kubeproxy **ret)
{
	struct wd_kubeproxy *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	wd_buf_init(&k->partial, WD_KUBEPROXY_LINE_MAX);
	*ret = k;
	return 0;
}

void wd_kubeproxy_free(struct wd_kubeproxy *k)
{
	if (!k)
		return;
	wd_buf_release(&k->partial);
	free(k->pool.v);
	free(k->chains.v);
	free(k->edges.v);
	free(k->backends.v);
	free(k->sources.v);
	free(k->services.v);
	free(k->ports.v);
	free(k->fronts.v);
	free(k->cluster_ips.v);
	free(k->by_chain.slots);
	free(k->by_service.slots);
	free(k);
}

const struct wd_kubeproxy_report *wd_kubeproxy_report(const struct wd_kubeproxy *k)
{
	return &k->report;
}

/* ---- tables that grow --------------------------------------------------------------------- */

/* Room for `more` further elements of this size below WD_KUBEPROXY_ITEMS_MAX times `wide`. */
static void *room(struct wd_kubeproxy *k, void *v, uint32_t n, uint32_t *alloc, size_t size,
                  uint32_t more, uint32_t wide)
{
	uint32_t want = *alloc ? *alloc : 64;
	void *grown;

	if (more > WD_KUBEPROXY_ITEMS_MAX * wide - n) {
		k->report.cut = true;
		return NULL;
	}
	if (n + more <= *alloc)
		return v;
	while (want < n + more)
		want *= 2;
	grown = reallocarray(v, want, size);
	if (!grown) {
		k->err = -ENOMEM;
		return NULL;
	}
	*alloc = want;
	return grown;
}

#define ROOM(vec, more, wide)                                                                  \
	({                                                                                     \
		void *grown_ = room(k, (vec)->v, (vec)->n, &(vec)->alloc, sizeof((vec)->v[0]), \
		                    more, wide);                                               \
		if (grown_)                                                                    \
			(vec)->v = grown_;                                                     \
		grown_;                                                                        \
	})

/* A name takes some 30 bytes of the pool. */
#define POOL_WIDE 64

static uint32_t pool_add(struct wd_kubeproxy *k, const struct wd_span *s)
{
	uint32_t at = k->pool.n;

	if (s->n > UINT16_MAX || !ROOM(&k->pool, (uint32_t)s->n + 1, POOL_WIDE))
		return WD_KP_NONE;
	if (s->n)
		memcpy(k->pool.v + at, s->p, s->n);
	k->pool.v[at + s->n] = '\0';
	k->pool.n += (uint32_t)s->n + 1;
	return at;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static uint32_t hash_of(const char *p, size_t n, uint64_t seed)
{
	uint64_t h = mix(seed + 1, n), v;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&v, p, 8);
		h = mix(h, v);
	}
	v = 0;
	memcpy(&v, p, n);
	return (uint32_t)(mix(h, v) >> 16);
}

static void slot_put(const struct wd_kp_hash *t, uint32_t hash, uint32_t index)
{
	uint32_t i = hash & t->mask;

	while (t->slots[i])
		i = (i + 1) & t->mask;
	t->slots[i] = index + 1;
}

/* Twice the slots as soon as half are taken. hash_at: of element i. */
static bool hash_room(struct wd_kubeproxy *k, struct wd_kp_hash *t,
                      uint32_t (*hash_at)(const struct wd_kubeproxy *k, uint32_t i))
{
	struct wd_kp_hash more = {.n = t->n};

	if (t->slots && t->n < t->mask / 2)
		return true;
	more.mask = t->slots ? t->mask * 2 + 1 : 1023;
	more.slots = calloc(more.mask + 1u, sizeof(*more.slots));
	if (!more.slots) {
		k->err = -ENOMEM;
		return false;
	}
	for (uint32_t i = 0; i < t->n; i++)
		slot_put(&more, hash_at(k, i), i);
	free(t->slots);
	*t = more;
	return true;
}

static uint32_t chain_hash(const struct wd_kubeproxy *k, uint32_t i)
{
	return k->chains.v[i].hash;
}

static uint32_t service_hash(const struct wd_kubeproxy *k, uint32_t i)
{
	return k->services.v[i].hash;
}

/* ---- chains ------------------------------------------------------------------------------- */

static uint32_t chain_find(const struct wd_kubeproxy *k, uint32_t hash, unsigned int space,
                           const struct wd_span *name)
{
	const struct wd_kp_hash *t = &k->by_chain;

	for (uint32_t i = hash & t->mask; t->slots[i]; i = (i + 1) & t->mask) {
		const struct wd_kp_chain *c = &k->chains.v[t->slots[i] - 1];

		if (c->hash == hash && c->space == space && c->name_len == name->n &&
		    !memcmp(k->pool.v + c->name, name->p, name->n))
			return t->slots[i] - 1;
	}
	return WD_KP_NONE;
}

uint32_t wd_kp_chain(struct wd_kubeproxy *k, unsigned int space, struct wd_span name)
{
	uint32_t hash = hash_of(name.p, name.n, space), at;
	struct wd_kp_chain *c;

	if (!hash_room(k, &k->by_chain, chain_hash))
		return WD_KP_NONE;
	at = chain_find(k, hash, space, &name);
	if (at != WD_KP_NONE)
		return at;
	at = pool_add(k, &name);
	if (at == WD_KP_NONE || !ROOM(&k->chains, 1, 1))
		return WD_KP_NONE;
	c = &k->chains.v[k->chains.n];
	*c = (struct wd_kp_chain){
		.name = at,
		.name_len = (uint32_t)name.n,
		.hash = hash,
		.edges = WD_KP_NONE,
		.backends = WD_KP_NONE,
		.sources = WD_KP_NONE,
		.space = (uint8_t)space,
		.local = wd_span_begins(&name, "KUBE-SVL-") || wd_span_begins(&name, "KUBE-XLB-") ||
	                 wd_span_begins(&name, "local-"),
	};
	slot_put(&k->by_chain, hash, k->chains.n);
	k->by_chain.n++;
	return k->chains.n++;
}

bool wd_kp_edge(struct wd_kubeproxy *k, uint32_t from, uint32_t to)
{
	if (from == WD_KP_NONE || to == WD_KP_NONE || !ROOM(&k->edges, 1, 1))
		return false;
	k->edges.v[k->edges.n] = (struct wd_kp_edge){k->chains.v[from].edges, to};
	k->chains.v[from].edges = k->edges.n++;
	return true;
}

bool wd_kp_backend(struct wd_kubeproxy *k, uint32_t chain, const struct wd_addr *ip, uint16_t port)
{
	if (chain == WD_KP_NONE || !ROOM(&k->backends, 1, 1))
		return false;
	k->backends.v[k->backends.n] =
		(struct wd_kp_backend){*ip, k->chains.v[chain].backends, port};
	k->chains.v[chain].backends = k->backends.n++;
	return true;
}

bool wd_kp_source(struct wd_kubeproxy *k, uint32_t chain, const struct wd_prefix *p)
{
	if (chain == WD_KP_NONE || !ROOM(&k->sources, 1, 1))
		return false;
	k->sources.v[k->sources.n] = (struct wd_kp_source){*p, k->chains.v[chain].sources};
	k->chains.v[chain].sources = k->sources.n++;
	return true;
}

bool wd_kp_cluster_ip(struct wd_kubeproxy *k, const struct wd_addr *ip)
{
	if (!ROOM(&k->cluster_ips, 1, 1))
		return false;
	k->cluster_ips.v[k->cluster_ips.n++] = *ip;
	return true;
}

/* ---- services ------------------------------------------------------------------------------ */

static bool service_is(const struct wd_kubeproxy *k, const struct wd_kp_service *s,
                       const struct wd_kp_name *name)
{
	const char *ns = k->pool.v + s->ns, *svc = k->pool.v + s->name;

	return s->len == name->ns.n + name->svc.n && strlen(ns) == name->ns.n &&
	       !memcmp(ns, name->ns.p, name->ns.n) && !memcmp(svc, name->svc.p, name->svc.n);
}

static uint32_t service_of(struct wd_kubeproxy *k, const struct wd_kp_name *name)
{
	uint32_t hash =
		hash_of(name->svc.p, name->svc.n, hash_of(name->ns.p, name->ns.n, UINT32_MAX));
	const struct wd_kp_hash *t = &k->by_service;
	struct wd_kp_service s = {.hash = hash, .ports = WD_KP_NONE};

	if (!hash_room(k, &k->by_service, service_hash))
		return WD_KP_NONE;
	for (uint32_t i = hash & t->mask; t->slots[i]; i = (i + 1) & t->mask)
		if (k->services.v[t->slots[i] - 1].hash == hash &&
		    service_is(k, &k->services.v[t->slots[i] - 1], name))
			return t->slots[i] - 1;
	s.ns = pool_add(k, &name->ns);
	s.name = pool_add(k, &name->svc);
	s.len = (uint32_t)(name->ns.n + name->svc.n);
	if (s.ns == WD_KP_NONE || s.name == WD_KP_NONE || !ROOM(&k->services, 1, 1))
		return WD_KP_NONE;
	k->services.v[k->services.n] = s;
	slot_put(&k->by_service, hash, k->services.n);
	k->by_service.n++;
	return k->services.n++;
}

/* Two of a name and protocol with different numbers are two: the end of a name was cut off. */
static uint32_t port_of(struct wd_kubeproxy *k, uint32_t service, struct wd_span name,
                        uint16_t port, uint8_t proto)
{
	struct wd_kp_service *s = &k->services.v[service];
	struct wd_kp_port p = {.port = port, .proto = proto};

	for (uint32_t i = s->ports; i != WD_KP_NONE; i = k->ports.v[i].next) {
		struct wd_kp_port *have = &k->ports.v[i];

		if (have->proto == proto && wd_span_is(&name, k->pool.v + have->name) &&
		    (!have->port || !port || have->port == port)) {
			have->port = port ? port : have->port;
			return i;
		}
	}
	if (s->n_ports == WD_KUBEPROXY_PORTS_MAX) {
		k->report.cut = true;
		return WD_KP_NONE;
	}
	p.name = pool_add(k, &name);
	if (p.name == WD_KP_NONE || !ROOM(&k->ports, 1, 1))
		return WD_KP_NONE;
	p.next = s->ports;
	p.index = s->n_ports++;
	s->ports = k->ports.n;
	k->ports.v[k->ports.n] = p;
	return k->ports.n++;
}

struct wd_kp_front *wd_kp_front(struct wd_kubeproxy *k, const struct wd_kp_name *name,
                                const struct wd_addr *addr, uint16_t port, uint8_t proto,
                                enum wd_kp_via via, uint32_t chain)
{
	struct wd_kp_front f = {.chain = chain, .via = (uint8_t)via};

	f.service = service_of(k, name);
	if (f.service == WD_KP_NONE)
		return NULL;
	f.port = port_of(k, f.service, name->port, addr ? port : 0, proto);
	if (f.port == WD_KP_NONE || !ROOM(&k->fronts, 1, 1))
		return NULL;
	if (addr)
		f.addr = *addr;
	else if (!k->ports.v[f.port].node_port)
		k->ports.v[f.port].node_port = port;
	k->fronts.v[k->fronts.n] = f;
	return &k->fronts.v[k->fronts.n++];
}

/* ---- words -------------------------------------------------------------------------------- */

void wd_kp_refuse(struct wd_kubeproxy *k, const char *where, const char *text, size_t n)
{
	if (k->report.refused++)
		return;
	snprintf(k->report.first, sizeof(k->report.first), "%s: %.*s", where,
	         (int)(n < REFUSED_TEXT ? n : REFUSED_TEXT), n ? text : "");
}

bool wd_kp_name_parse(struct wd_span s, struct wd_kp_name *ret)
{
	const char *slash = s.n ? memchr(s.p, '/', s.n) : NULL, *end = s.p + s.n, *colon;
	struct wd_kp_name r;

	if (!slash)
		return false;
	colon = memchr(slash, ':', (size_t)(end - slash));
	r.ns = wd_span(s.p, (size_t)(slash - s.p));
	r.svc = wd_span(slash + 1, (size_t)((colon ? colon : end) - slash - 1));
	r.port = colon ? wd_span(colon + 1, (size_t)(end - colon - 1)) : wd_span("", 0);
	if (!wd_podpath_is_label(r.ns.p, r.ns.n) || !wd_podpath_is_label(r.svc.p, r.svc.n) ||
	    (colon && !wd_podpath_is_label(r.port.p, r.port.n)))
		return false;
	*ret = r;
	return true;
}

/* Rules hold one for each address, so the usual form is read without a detour. */
static bool v4_parse(const struct wd_span *s, struct wd_addr *ret)
{
	unsigned int part = 0, value = 0, digits = 0;
	uint8_t b[4];
	uint32_t be;

	for (size_t i = 0; i <= s->n; i++) {
		char c = i < s->n ? s->p[i] : '.';

		if (c >= '0' && c <= '9') {
			/* "01" is octal to some and decimal to others */
			if (digits && !value)
				return false;
			value = value * 10 + (unsigned int)(c - '0');
			if (++digits > 3 || value > 255)
				return false;
			continue;
		}
		if (c != '.' || !digits || part == 4)
			return false;
		b[part++] = (uint8_t)value;
		value = digits = 0;
	}
	if (part != 4)
		return false;
	memcpy(&be, b, 4);
	*ret = wd_addr_from_v4(be);
	return true;
}

bool wd_kp_addr_parse(struct wd_span s, struct wd_addr *ret)
{
	char text[WD_ADDR_STRLEN];

	if (s.n <= 15 && v4_parse(&s, ret))
		return true;
	return wd_span_copy(&s, text, sizeof(text)) && !wd_addr_parse(text, ret);
}

bool wd_kp_prefix_parse(struct wd_span s, struct wd_prefix *ret)
{
	char text[WD_PREFIX_STRLEN];

	return wd_span_copy(&s, text, sizeof(text)) && !wd_prefix_parse(text, ret);
}

uint8_t wd_kp_proto_parse(struct wd_span s)
{
	if (wd_span_is(&s, "tcp") || wd_span_is(&s, "TCP"))
		return WD_PROTO_TCP;
	if (wd_span_is(&s, "udp") || wd_span_is(&s, "UDP"))
		return WD_PROTO_UDP;
	if (wd_span_is(&s, "sctp") || wd_span_is(&s, "SCTP"))
		return WD_PROTO_SCTP;
	return 0;
}
