/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of kube-proxy's nftables chains: from a Service to its endpoints. */
#include "node/kubeproxy_nft.h"

/* {"set":[[0,VALUE],…]}, each value given to one of the two below */
static bool set_walk(struct wd_kubeproxy *kp, struct wd_jsonscan *c, uint32_t chain, bool v6,
                     bool (*value)(struct wd_kubeproxy *kp, struct wd_jsonscan *c, uint32_t chain,
                                   bool v6))
{
	struct wd_span name;
	bool good = true, any = false;

	if (!wd_jsonscan_take(c, '{'))
		return false;
	while (wd_jsonscan_member(c, &name)) {
		if (!wd_span_is(&name, "set") || wd_jsonscan_peek(c) != '[') {
			wd_jsonscan_skip(c);
			continue;
		}
		c->p++;
		while (wd_jsonscan_item(c)) {
			struct wd_jsonscan pair = *c;

			any = true;
			if (!wd_jsonscan_skip(c))
				return false;
			pair.end = c->p;
			good = wd_jsonscan_take(&pair, '[') && wd_jsonscan_item(&pair) &&
			       wd_jsonscan_skip(&pair) && wd_jsonscan_item(&pair) &&
			       value(kp, &pair, chain, v6) && good;
		}
	}
	return good && any && !c->bad;
}

static bool jump_add(struct wd_kubeproxy *kp, const struct wd_span *target, uint32_t chain, bool v6)
{
	if (!wd_kp_nft_is_service(target) && !wd_kp_nft_is_chain(target, "endpoint-"))
		return true;
	return wd_kp_edge(kp, chain, wd_kp_chain(kp, WD_KP_NFT_SPACE(v6), *target)) ||
	       kp->report.cut;
}

static bool jump_value(struct wd_kubeproxy *kp, struct wd_jsonscan *c, uint32_t chain, bool v6)
{
	struct wd_kp_nft_verdict v = {0};

	return wd_kp_nft_verdict(*c, &v) && v.target.p && jump_add(kp, &v.target, chain, v6);
}

static bool endpoint_value(struct wd_kubeproxy *kp, struct wd_jsonscan *c, uint32_t chain, bool v6)
{
	struct wd_span name;
	struct wd_addr ip;
	uint16_t port = 0;

	(void)v6;
	if (!wd_jsonscan_take(c, '{') || !wd_jsonscan_member(c, &name) ||
	    !wd_span_is(&name, "concat") || !wd_jsonscan_take(c, '[') || !wd_jsonscan_item(c) ||
	    !wd_kp_nft_addr(c, &ip) || !wd_jsonscan_item(c) || !wd_kp_nft_port(c, &port))
		return false;
	return wd_kp_backend(kp, chain, &ip, port) || kp->report.cut;
}

static bool read_vmap(struct wd_kubeproxy *kp, struct wd_jsonscan c, uint32_t chain, bool v6)
{
	return wd_jsonscan_enter(&c, "data") && set_walk(kp, &c, chain, v6, jump_value);
}

/* {"addr":"10.0.0.1","port":80}, or {"addr":{"map":{"key":…,"data":{"set":…}}}} */
static bool read_dnat(struct wd_kubeproxy *kp, struct wd_jsonscan c, uint32_t chain, bool v6)
{
	struct wd_jsonscan addr = c, port = c;
	struct wd_addr ip;
	uint16_t number;

	if (!wd_jsonscan_enter(&addr, "addr"))
		return false;
	if (wd_jsonscan_peek(&addr) == '{')
		return wd_jsonscan_enter(&addr, "map") && wd_jsonscan_enter(&addr, "data") &&
		       set_walk(kp, &addr, chain, v6, endpoint_value);
	return wd_kp_nft_addr(&addr, &ip) && wd_jsonscan_enter(&port, "port") &&
	       wd_kp_nft_port(&port, &number) &&
	       (wd_kp_backend(kp, chain, &ip, number) || kp->report.cut);
}

/* "10.0.0.1", or {"prefix":{"addr":"10.0.0.0","len":8}} */
static bool source_add(struct wd_kubeproxy *kp, struct wd_jsonscan *c, uint32_t chain)
{
	struct wd_prefix p = {.bits = 128};
	struct wd_jsonscan len;
	int64_t bits;

	if (wd_jsonscan_peek(c) == '"')
		return wd_kp_nft_addr(c, &p.addr) &&
		       (wd_kp_source(kp, chain, &p) || kp->report.cut);
	if (!wd_jsonscan_enter(c, "prefix"))
		return false;
	len = *c;
	if (!wd_jsonscan_enter(c, "addr") || !wd_kp_nft_addr(c, &p.addr) ||
	    !wd_jsonscan_enter(&len, "len"))
		return false;
	bits = wd_jsonscan_number(&len);
	if (wd_addr_is_v4(&p.addr) && bits >= 0)
		bits += 96;
	if (bits < 0 || bits > 128)
		return false;
	p.bits = (uint8_t)bits;
	return wd_kp_source(kp, chain, &p) || kp->report.cut;
}

/* firewall-…: `ip saddr != { … } drop` */
static bool read_sources(struct wd_kubeproxy *kp, struct wd_jsonscan c, uint32_t chain)
{
	struct wd_jsonscan set;

	if (!wd_jsonscan_enter(&c, "right"))
		return false;
	set = c;
	if (!wd_jsonscan_enter(&set, "set"))
		return source_add(kp, &c, chain);
	if (!wd_jsonscan_take(&set, '['))
		return false;
	while (wd_jsonscan_item(&set)) {
		struct wd_jsonscan item = set;

		if (!wd_jsonscan_skip(&set))
			return false;
		item.end = set.p;
		if (!source_add(kp, &item, chain))
			return false;
	}
	return !set.bad;
}

static bool is_affinity(struct wd_jsonscan c)
{
	struct wd_span s;

	return wd_jsonscan_enter(&c, "right") && wd_jsonscan_peek(&c) == '"' &&
	       wd_jsonscan_string(&c, &s) && wd_span_begins(&s, "@affinity-");
}

/* One statement; at: its value. */
static bool read_statement(struct wd_kubeproxy *kp, const struct wd_span *kind,
                           struct wd_jsonscan at, uint32_t chain, const struct wd_kp_nft_element *e,
                           bool v6)
{
	struct wd_span target = {0};

	if (wd_span_is(kind, "goto") || wd_span_is(kind, "jump"))
		return wd_kp_nft_target(at, &target) && jump_add(kp, &target, chain, v6);
	if (wd_span_is(kind, "vmap"))
		return read_vmap(kp, at, chain, v6);
	if (wd_span_is(kind, "dnat"))
		return read_dnat(kp, at, chain, v6);
	if (!wd_span_is(kind, "match"))
		return true;
	if (wd_span_begins(&e->chain, "firewall-"))
		return read_sources(kp, at, chain);
	if (is_affinity(at))
		kp->chains.v[chain].affinity = true;
	return true;
}

void wd_kp_nft_rule(struct wd_kubeproxy *kp, const struct wd_kp_nft_element *e, bool v6)
{
	struct wd_jsonscan c = e->expr, value;
	struct wd_span kind;
	uint32_t chain;
	bool good = true;

	if (!wd_kp_nft_is_service(&e->chain) && !wd_kp_nft_is_chain(&e->chain, "endpoint-") &&
	    !wd_kp_nft_is_chain(&e->chain, "firewall-"))
		return;
	kp->report.rules++;
	chain = wd_kp_chain(kp, WD_KP_NFT_SPACE(v6), e->chain);
	if (chain == WD_KP_NONE)
		return;
	if (!c.p || !wd_jsonscan_take(&c, '['))
		good = false;
	while (good && wd_jsonscan_item(&c)) {
		if (!wd_jsonscan_take(&c, '{') || !wd_jsonscan_member(&c, &kind))
			break;
		wd_jsonscan_peek(&c);
		value = c;
		if (!wd_jsonscan_skip(&c) || wd_jsonscan_member(&c, &(struct wd_span){0}))
			break;
		value.end = c.p;
		good = read_statement(kp, &kind, value, chain, e, v6);
	}
	if ((!good || c.bad) && !kp->err)
		wd_kp_nft_refuse(kp, "chain", &e->chain, e->expr.p, e->expr.end);
}
