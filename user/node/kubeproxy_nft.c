/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube-proxy's tables "kube-proxy" of families ip and ip6. Its maps lead from addresses to
 * chains whose names say the Service: service-HASH-ns/svc/proto/port. Until 1.35 these go to a
 * chain for each endpoint; from 1.36 on they hold the endpoints themselves unless there is session
 * affinity.
 */
#include <stdio.h>

#include "model/tuple.h"
#include "node/kubeproxy_nft.h"
#include "node/podpath.h"

#define HASH_LEN 8 /* of base32 */

/* The key of a map, and what stands with it. */
struct key {
	bool has_addr;
	struct wd_addr addr;
	uint16_t port;
	uint8_t proto;
	struct wd_span comment; /* p NULL: none */
};

/* ---- names of chains ------------------------------------------------------------------------ */

bool wd_kp_nft_is_chain(const struct wd_span *s, const char *prefix)
{
	size_t n = strlen(prefix);

	if (!wd_span_begins(s, prefix) || s->n <= n + HASH_LEN || s->p[n + HASH_LEN] != '-')
		return false;
	for (size_t i = n; i < n + HASH_LEN; i++)
		if ((s->p[i] < 'A' || s->p[i] > 'Z') && (s->p[i] < '2' || s->p[i] > '7'))
			return false;
	return true;
}

bool wd_kp_nft_is_service(const struct wd_span *s)
{
	return wd_kp_nft_is_chain(s, "service-") || wd_kp_nft_is_chain(s, "local-") ||
	       wd_kp_nft_is_chain(s, "external-");
}

static struct wd_span up_to(struct wd_span *rest, char c)
{
	const char *at = rest->n ? memchr(rest->p, c, rest->n) : NULL;
	struct wd_span r = *rest;

	if (at)
		r.n = (size_t)(at - r.p);
	*rest = at ? wd_span(at + 1, rest->n - r.n - 1) : wd_span(r.p + r.n, 0);
	return r;
}

/* "service-FY5PMXPG-kube-system/kube-dns/udp/dns". A name that was too long ends in "...": what
 * is left of the port's name is then none. */
static bool chain_name(struct wd_span s, struct wd_kp_name *ret)
{
	bool cut = s.n > 3 && !memcmp(s.p + s.n - 3, "...", 3);
	struct wd_kp_name r;

	if (!wd_kp_nft_is_service(&s) && !wd_kp_nft_is_chain(&s, "firewall-"))
		return false;
	up_to(&s, '-');
	up_to(&s, '-');
	r.ns = up_to(&s, '/');
	r.svc = up_to(&s, '/');
	if (!wd_kp_proto_parse(up_to(&s, '/')))
		return false;
	r.port = cut ? wd_span("", 0) : s;
	if (!wd_podpath_is_label(r.ns.p, r.ns.n) || !wd_podpath_is_label(r.svc.p, r.svc.n) ||
	    (r.port.n && !wd_podpath_is_label(r.port.p, r.port.n)))
		return false;
	*ret = r;
	return true;
}

/* ---- pieces --------------------------------------------------------------------------------- */

bool wd_kp_nft_addr(struct wd_jsonscan *c, struct wd_addr *ret)
{
	struct wd_span s;

	if (wd_jsonscan_peek(c) != '"') {
		wd_jsonscan_skip(c);
		return false;
	}
	return wd_jsonscan_string(c, &s) && wd_kp_addr_parse(s, ret);
}

bool wd_kp_nft_port(struct wd_jsonscan *c, uint16_t *ret)
{
	int64_t v = wd_jsonscan_number(c);

	if (v <= 0 || v > UINT16_MAX)
		return false;
	*ret = (uint16_t)v;
	return true;
}

static bool proto_of(struct wd_jsonscan *c, uint8_t *ret)
{
	struct wd_span s;

	if (wd_jsonscan_peek(c) == '"')
		return wd_jsonscan_string(c, &s) && (*ret = wd_kp_proto_parse(s));
	switch (wd_jsonscan_number(c)) {
	case WD_PROTO_TCP:
		*ret = WD_PROTO_TCP;
		return true;
	case WD_PROTO_UDP:
		*ret = WD_PROTO_UDP;
		return true;
	case WD_PROTO_SCTP:
		*ret = WD_PROTO_SCTP;
		return true;
	default:
		return false;
	}
}

/* The parts of a "concat". Every item is consumed, so that the walk goes on behind one that
 * is not understood. */
static bool concat_of(struct wd_jsonscan *c, struct key *k)
{
	unsigned int i = k->has_addr ? 0 : 1;
	bool good = true;

	if (!wd_jsonscan_take(c, '['))
		return false;
	for (; wd_jsonscan_item(c); i++) {
		if (i == 0)
			good = wd_kp_nft_addr(c, &k->addr) && good;
		else if (i == 1)
			good = proto_of(c, &k->proto) && good;
		else if (i == 2)
			good = wd_kp_nft_port(c, &k->port) && good;
		else
			good = wd_jsonscan_skip(c) && false;
	}
	return good && i == 3;
}

/* {"concat":[…]}, or {"elem":{"val":{"concat":[…]},"comment":"…"}} */
static bool key_of(struct wd_jsonscan c, struct key *k)
{
	struct wd_jsonscan elem = c, at;

	if (wd_jsonscan_enter(&c, "concat"))
		return concat_of(&c, k);
	if (!wd_jsonscan_enter(&elem, "elem"))
		return false;
	at = elem;
	if (wd_jsonscan_enter(&at, "comment") && wd_jsonscan_peek(&at) == '"')
		wd_jsonscan_string(&at, &k->comment);
	return wd_jsonscan_enter(&elem, "val") && wd_jsonscan_enter(&elem, "concat") &&
	       concat_of(&elem, k);
}

bool wd_kp_nft_target(struct wd_jsonscan c, struct wd_span *ret)
{
	return wd_jsonscan_enter(&c, "target") && wd_jsonscan_peek(&c) == '"' &&
	       wd_jsonscan_string(&c, ret);
}

bool wd_kp_nft_verdict(struct wd_jsonscan c, struct wd_kp_nft_verdict *ret)
{
	struct wd_jsonscan to = c, jump = c;

	if (wd_jsonscan_enter(&to, "goto"))
		return wd_kp_nft_target(to, &ret->target);
	if (wd_jsonscan_enter(&jump, "jump"))
		return wd_kp_nft_target(jump, &ret->target);
	ret->drop = wd_jsonscan_enter(&c, "drop");
	return ret->drop;
}

/* ---- maps ----------------------------------------------------------------------------------- */

static const struct map {
	const char *name;
	bool has_addr, refuses, firewall;
} maps[] = {
	{"service-ips", true, false, false},         {"service-nodeports", false, false, false},
	{"no-endpoint-services", true, true, false}, {"no-endpoint-nodeports", false, true, false},
	{"firewall-ips", true, false, true},
};

static bool entry_add(struct wd_kubeproxy *kp, const struct map *m, const struct key *k,
                      const struct wd_kp_nft_verdict *v, bool v6)
{
	enum wd_kp_via via = WD_KP_NODE_PORT;
	struct wd_kp_front *f;
	struct wd_kp_name name;
	uint32_t chain = WD_KP_NONE;

	if (m->refuses ? !wd_kp_name_parse(k->comment, &name)
	               : !v->target.p || !chain_name(v->target, &name))
		return false;
	if (m->has_addr)
		via = m->firewall                                              ? WD_KP_LB
		      : !m->refuses && wd_span_begins(&v->target, "external-") ? WD_KP_OUTSIDE
		                                                               : WD_KP_ANY;
	if (!m->refuses)
		chain = wd_kp_chain(kp, WD_KP_NFT_SPACE(v6), v->target);
	f = wd_kp_front(kp, &name, m->has_addr ? &k->addr : NULL, k->port, k->proto, via, chain);
	if (f)
		f->local = m->refuses && v->drop;
	return f || kp->report.cut;
}

void wd_kp_nft_refuse(struct wd_kubeproxy *kp, const char *what, const struct wd_span *name,
                      const char *p, const char *end)
{
	char where[96];

	snprintf(where, sizeof(where), "nft list ruleset, %s %.*s", what,
	         (int)(name->n < 48 ? name->n : 48), name->n ? name->p : "");
	wd_kp_refuse(kp, where, p, p ? (size_t)(end - p) : 0);
}

static void read_map(struct wd_kubeproxy *kp, const struct map *m,
                     const struct wd_kp_nft_element *e, bool v6)
{
	struct wd_jsonscan c = e->elem;

	if (!c.p || !wd_jsonscan_take(&c, '['))
		return;
	while (wd_jsonscan_item(&c) && !kp->err) {
		struct key k = {.has_addr = m->has_addr};
		struct wd_kp_nft_verdict v = {0};
		const char *start = c.p;
		struct wd_jsonscan pair = c;
		bool good;

		/* Whatever the pair holds, the walk goes on behind it. */
		if (!wd_jsonscan_skip(&c))
			break;
		pair.end = c.p;
		kp->report.rules++;
		good = wd_jsonscan_take(&pair, '[') && wd_jsonscan_item(&pair) &&
		       key_of(pair, &k) && wd_jsonscan_skip(&pair) && wd_jsonscan_item(&pair) &&
		       wd_kp_nft_verdict(pair, &v) && entry_add(kp, m, &k, &v, v6);
		if (!good && !kp->err)
			wd_kp_nft_refuse(kp, "map", &e->name, start, pair.end);
	}
	if (c.bad)
		wd_kp_nft_refuse(kp, "map", &e->name, e->elem.p, e->elem.end);
}

/* The set of all cluster IPs: plain addresses. */
static void read_cluster_ips(struct wd_kubeproxy *kp, const struct wd_kp_nft_element *e)
{
	struct wd_jsonscan c = e->elem;
	struct wd_addr a;

	if (!c.p || !wd_jsonscan_take(&c, '['))
		return;
	while (wd_jsonscan_item(&c)) {
		const char *start = c.p;

		kp->report.rules++;
		if (wd_kp_nft_addr(&c, &a))
			wd_kp_cluster_ip(kp, &a);
		else
			wd_kp_nft_refuse(kp, "set", &e->name, start, c.p);
	}
}

/* ---- elements ---------------------------------------------------------------------------------
 */

static void element_parse(struct wd_jsonscan *c, struct wd_kp_nft_element *e)
{
	struct wd_span key;

	if (!wd_jsonscan_take(c, '{'))
		return;
	while (wd_jsonscan_member(c, &key)) {
		struct wd_span *text = wd_span_is(&key, "family")  ? &e->family
		                       : wd_span_is(&key, "table") ? &e->table
		                       : wd_span_is(&key, "name")  ? &e->name
		                       : wd_span_is(&key, "chain") ? &e->chain
		                                                   : NULL;
		struct wd_jsonscan *part = wd_span_is(&key, "elem")   ? &e->elem
		                           : wd_span_is(&key, "expr") ? &e->expr
		                                                      : NULL;

		if (text && wd_jsonscan_peek(c) == '"') {
			wd_jsonscan_string(c, text);
			continue;
		}
		wd_jsonscan_peek(c);
		if (part)
			*part = *c;
		wd_jsonscan_skip(c);
		if (part)
			part->end = c->p;
	}
}

int wd_kubeproxy_nft_element(struct wd_kubeproxy *k, const char *json, size_t n)
{
	struct wd_jsonscan c = wd_jsonscan(json, n);
	struct wd_kp_nft_element e = {0};
	struct wd_span kind = {0};
	bool v6;

	if (k->err || !wd_jsonscan_take(&c, '{') || !wd_jsonscan_member(&c, &kind))
		return k->err;
	if (!wd_span_is(&kind, "map") && !wd_span_is(&kind, "set") && !wd_span_is(&kind, "rule"))
		return 0;
	element_parse(&c, &e);
	v6 = wd_span_is(&e.family, "ip6");
	if (!wd_span_is(&e.table, "kube-proxy") || (!v6 && !wd_span_is(&e.family, "ip")))
		return 0;
	k->report.seen[WD_KUBEPROXY_TABLES] = true;
	if (c.bad) {
		wd_kp_nft_refuse(k, "element", &e.name, json, json + n);
		return k->err;
	}
	if (wd_span_is(&kind, "rule"))
		wd_kp_nft_rule(k, &e, v6);
	else if (wd_span_is(&e.name, "cluster-ips"))
		read_cluster_ips(k, &e);
	for (size_t i = 0; wd_span_is(&kind, "map") && i < sizeof(maps) / sizeof(maps[0]); i++)
		if (wd_span_is(&e.name, maps[i].name))
			read_map(k, &maps[i], &e, v6);
	return k->err;
}
