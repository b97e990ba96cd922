/* SPDX-License-Identifier: Apache-2.0 */
/* iptables-save, line by line. */
#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "node/kubeproxy_graph.h"

static const char *const source_names[WD_KUBEPROXY_MAX] = {
	[WD_KUBEPROXY_LEGACY] = "iptables-legacy-save",
	[WD_KUBEPROXY_LEGACY6] = "ip6tables-legacy-save",
	[WD_KUBEPROXY_NFT] = "iptables-nft-save",
	[WD_KUBEPROXY_NFT6] = "ip6tables-nft-save",
	[WD_KUBEPROXY_TABLES] = "nft list ruleset",
	[WD_KUBEPROXY_IPVS] = "ip_vs",
};

/* What of one rule matters here. p NULL: it has none. */
struct rule {
	struct wd_span chain, comment, source, dest, proto, dport, to, target;
	bool not_source, not_else; /* "!" in front of the source resp. of another of these */
	bool recent;
};

/* ---- words -------------------------------------------------------------------------------- */

/* The next word; one in quotes is given without them, its escapes as they are. False: no more,
 * or a quote without end. */
static bool word(struct wd_span *rest, struct wd_span *ret)
{
	size_t i = 0, n;

	while (i < rest->n && rest->p[i] == ' ')
		i++;
	*rest = wd_span(rest->p + i, rest->n - i);
	if (!rest->n)
		return false;
	if (rest->p[0] != '"') {
		const char *end = memchr(rest->p, ' ', rest->n);

		n = end ? (size_t)(end - rest->p) : rest->n;
		*ret = wd_span(rest->p, n);
		*rest = wd_span(rest->p + n, rest->n - n);
		return true;
	}
	for (i = 1; i < rest->n && rest->p[i] != '"'; i++)
		i += rest->p[i] == '\\';
	if (i >= rest->n)
		return false;
	*ret = wd_span(rest->p + 1, i - 1);
	*rest = wd_span(rest->p + i + 1, rest->n - i - 1);
	return true;
}

/* Where the value of an option goes; NULL: of no interest. */
static struct wd_span *option(struct rule *r, const struct wd_span *w)
{
	if (w->n == 2)
		switch (w->p[1]) {
		case 's':
			return &r->source;
		case 'd':
			return &r->dest;
		case 'p':
			return &r->proto;
		case 'j':
		case 'g':
			return &r->target;
		default:
			return NULL;
		}
	if (wd_span_is(w, "--comment"))
		return &r->comment;
	if (wd_span_is(w, "--dport"))
		return &r->dport;
	if (wd_span_is(w, "--to-destination"))
		return &r->to;
	return NULL;
}

/* What stands behind "-A chain". */
static bool rule_parse(struct wd_span rest, struct rule *r)
{
	struct wd_span w, *value;
	bool not = false;

	while (word(&rest, &w)) {
		if (wd_span_is(&w, "!")) {
			not = true;
			continue;
		}
		if (w.n < 2 || w.p[0] != '-')
			continue;
		value = option(r, &w);
		if (value && (value->p || !word(&rest, value)))
			return false;
		if (value == &r->source)
			r->not_source = not ;
		else if (value && not )
			r->not_else = true;
		if (wd_span_is(&w, "--rcheck") || wd_span_is(&w, "--set"))
			r->recent = true;
		not = false;
	}
	return !rest.n;
}

static bool cut_end(struct wd_span *s, const char *tail)
{
	size_t n = strlen(tail);

	if (s->n < n || memcmp(s->p + s->n - n, tail, n))
		return false;
	s->n -= n;
	return true;
}

static bool port_parse(struct wd_span s, uint16_t *ret)
{
	uint64_t v;

	if (!wd_span_number(&s, 10, UINT16_MAX, &v) || !v)
		return false;
	*ret = (uint16_t)v;
	return true;
}

/* "10.0.0.1:80", "[fd00::1]:80" */
static bool endpoint_parse(struct wd_span s, struct wd_addr *ip, uint16_t *port)
{
	const char *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;
	struct wd_span host;

	if (!colon)
		return false;
	host = wd_span(s.p, (size_t)(colon - s.p));
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = wd_span(host.p + 1, host.n - 2);
	return wd_kp_addr_parse(host, ip) &&
	       port_parse(wd_span(colon + 1, (size_t)(s.p + s.n - colon - 1)), port);
}

/* ---- rules -------------------------------------------------------------------------------- */

static unsigned int space(const struct wd_kubeproxy *k)
{
	return (unsigned int)k->source;
}

/* A chain in which an endpoint may be found at last. */
static bool is_service_chain(const struct wd_span *s)
{
	return wd_span_begins(s, "KUBE-SVC-") || wd_span_begins(s, "KUBE-SVL-") ||
	       wd_span_begins(s, "KUBE-EXT-") || wd_span_begins(s, "KUBE-FW-") ||
	       wd_span_begins(s, "KUBE-XLB-");
}

static uint32_t target_chain(struct wd_kubeproxy *k, const struct rule *r)
{
	return wd_kp_chain(k, space(k), r->target);
}

/* Address, protocol and port; dest may be absent. */
static bool match_parse(const struct rule *r, struct wd_addr *addr, uint8_t *proto, uint16_t *port)
{
	struct wd_span dest = r->dest;

	if (r->not_else)
		return false;
	if (dest.p && !cut_end(&dest, "/32"))
		cut_end(&dest, "/128");
	*proto = wd_kp_proto_parse(r->proto);
	return *proto && port_parse(r->dport, port) && (!dest.p || wd_kp_addr_parse(dest, addr));
}

/* nat: KUBE-SERVICES jumps to where the balancing is done. */
static bool read_service(struct wd_kubeproxy *k, const struct rule *r)
{
	struct wd_span comment = r->comment;
	struct wd_kp_name name;
	enum wd_kp_via via;
	struct wd_addr addr;
	uint16_t port;
	uint8_t proto;

	if (!is_service_chain(&r->target))
		return true;
	if (cut_end(&comment, " cluster IP"))
		via = WD_KP_CLUSTER;
	else if (cut_end(&comment, " external IP"))
		via = WD_KP_EXTERNAL;
	else if (cut_end(&comment, " loadbalancer IP"))
		via = WD_KP_LB;
	else
		return false;
	if (!r->dest.p || !match_parse(r, &addr, &proto, &port) ||
	    !wd_kp_name_parse(comment, &name))
		return false;
	return wd_kp_front(k, &name, &addr, port, proto, via, target_chain(k, r)) || k->report.cut;
}

static bool read_node_port(struct wd_kubeproxy *k, const struct rule *r)
{
	struct wd_kp_name name;
	struct wd_addr addr;
	uint16_t port;
	uint8_t proto;

	if (!is_service_chain(&r->target))
		return true;
	/* One of them counts packets to 127.0.0.0/8, and says nothing new. */
	if (r->dest.p)
		return true;
	if (!match_parse(r, &addr, &proto, &port) || !wd_kp_name_parse(r->comment, &name))
		return false;
	return wd_kp_front(k, &name, NULL, port, proto, WD_KP_NODE_PORT, target_chain(k, r)) ||
	       k->report.cut;
}

/* filter: what nobody serves (here) is refused. KUBE-SERVICES has the cluster IPs,
 * KUBE-EXTERNAL-SERVICES the others and the node ports. */
static bool read_refusal(struct wd_kubeproxy *k, const struct rule *r, bool external)
{
	struct wd_span comment = r->comment;
	struct wd_kp_front *f;
	struct wd_kp_name name;
	struct wd_addr addr;
	uint16_t port;
	uint8_t proto;
	bool local;

	if (!wd_span_is(&r->target, "REJECT") && !wd_span_is(&r->target, "DROP"))
		return true;
	local = cut_end(&comment, " has no local endpoints");
	if (!local && !cut_end(&comment, " has no endpoints"))
		return false;
	if (!match_parse(r, &addr, &proto, &port) || !wd_kp_name_parse(comment, &name) ||
	    (!external && !r->dest.p))
		return false;
	f = wd_kp_front(k, &name, r->dest.p ? &addr : NULL, port, proto,
	                !external   ? WD_KP_CLUSTER
	                : r->dest.p ? WD_KP_OUTSIDE
	                            : WD_KP_NODE_PORT,
	                WD_KP_NONE);
	if (f)
		f->local = local;
	return f || k->report.cut;
}

/* KUBE-SVC-, KUBE-EXT- and the like: jumps; the source of a jump from KUBE-FW- is one of
 * loadBalancerSourceRanges. */
static bool read_jump(struct wd_kubeproxy *k, const struct rule *r)
{
	bool sep = wd_span_begins(&r->target, "KUBE-SEP-");
	struct wd_prefix source;
	uint32_t chain;

	if (!sep && !is_service_chain(&r->target))
		return true;
	chain = wd_kp_chain(k, space(k), r->chain);
	if (!wd_kp_edge(k, chain, target_chain(k, r)))
		return k->report.cut;
	if (r->recent)
		k->chains.v[chain].affinity = true;
	if (!wd_span_begins(&r->chain, "KUBE-FW-") || !r->source.p || r->not_source)
		return true;
	return wd_kp_prefix_parse(r->source, &source) &&
	       (wd_kp_source(k, chain, &source) || k->report.cut);
}

static bool read_endpoint(struct wd_kubeproxy *k, const struct rule *r)
{
	struct wd_addr ip;
	uint32_t chain;
	uint16_t port;

	if (!wd_span_is(&r->target, "DNAT"))
		return true;
	if (!endpoint_parse(r->to, &ip, &port))
		return false;
	chain = wd_kp_chain(k, space(k), r->chain);
	if (!wd_kp_backend(k, chain, &ip, port))
		return k->report.cut;
	if (r->recent)
		k->chains.v[chain].affinity = true;
	return true;
}

enum part { NOT_OURS, SERVICES, EXTERNAL, NODE_PORTS, JUMPS, ENDPOINT };

/* Most rules of a node are of the last two. */
static enum part part_of(const struct wd_span *chain, bool nat)
{
	if (!wd_span_begins(chain, "KUBE-"))
		return NOT_OURS;
	if (wd_span_is(chain, "KUBE-SERVICES"))
		return SERVICES;
	if (!nat)
		return wd_span_is(chain, "KUBE-EXTERNAL-SERVICES") ? EXTERNAL : NOT_OURS;
	if (wd_span_begins(chain, "KUBE-SEP-"))
		return ENDPOINT;
	if (is_service_chain(chain))
		return JUMPS;
	return wd_span_is(chain, "KUBE-NODEPORTS") ? NODE_PORTS : NOT_OURS;
}

static bool read_rule(struct wd_kubeproxy *k, enum part part, const struct rule *r)
{
	switch (part) {
	case SERVICES:
		return k->nat ? read_service(k, r) : read_refusal(k, r, false);
	case EXTERNAL:
		return read_refusal(k, r, true);
	case NODE_PORTS:
		return read_node_port(k, r);
	case JUMPS:
		return read_jump(k, r);
	case ENDPOINT:
		return read_endpoint(k, r);
	default:
		return true;
	}
}

/* ---- lines -------------------------------------------------------------------------------- */

static void refuse(struct wd_kubeproxy *k, const struct wd_span *line)
{
	char where[64];

	snprintf(where, sizeof(where), "%s line %llu", source_names[k->source],
	         (unsigned long long)k->line);
	wd_kp_refuse(k, where, line->p, line->n);
}

static bool is_mark(const struct wd_span *chain)
{
	return wd_span_begins(chain, ":KUBE-IPTABLES-HINT ") ||
	       wd_span_begins(chain, ":KUBE-KUBELET-CANARY ") ||
	       wd_span_begins(chain, ":KUBE-PROXY-CANARY ");
}

static void read_line(struct wd_kubeproxy *k, struct wd_span line)
{
	const struct wd_span whole = line;
	struct rule r = {0};
	const char *end;
	enum part part;

	k->line++;
	if (!line.n)
		return;
	if (line.p[0] == '*') {
		k->in_table = true;
		k->nat = wd_span_is(&line, "*nat");
		return;
	}
	if (wd_span_is(&line, "COMMIT")) {
		k->in_table = false;
		return;
	}
	if (line.p[0] == ':') {
		k->report.marked[k->source] = k->report.marked[k->source] || is_mark(&line);
		return;
	}
	/* counters: "[1:76] " */
	end = line.p[0] == '[' ? memchr(line.p, ' ', line.n) : NULL;
	if (end)
		line = wd_span(end + 1, line.n - (size_t)(end + 1 - line.p));
	if (!wd_span_begins(&line, "-A "))
		return;
	k->report.all[k->source]++;
	line = wd_span(line.p + 3, line.n - 3);
	if (!word(&line, &r.chain))
		return;
	part = part_of(&r.chain, k->nat);
	if (part == NOT_OURS)
		return;
	k->report.seen[k->source] = true;
	k->report.rules++;
	if ((!rule_parse(line, &r) || !read_rule(k, part, &r)) && !k->err)
		refuse(k, &whole);
}

void wd_kubeproxy_iptables_begin(struct wd_kubeproxy *k, enum wd_kubeproxy_source source)
{
	wd_buf_reset(&k->partial);
	k->too_long = false;
	k->source = source;
	k->line = 0;
	k->in_table = k->nat = false;
}

/* Keeps the start of a line, until its end comes. */
static void keep(struct wd_kubeproxy *k, const char *p, size_t n)
{
	if (!k->too_long)
		wd_buf_put(&k->partial, p, n);
	if (k->partial.err == -ENOMEM)
		k->err = -ENOMEM;
	else if (k->partial.err)
		k->too_long = true;
}

static void read_kept(struct wd_kubeproxy *k)
{
	struct wd_span line = wd_span(k->partial.data, k->partial.len);

	if (k->too_long) {
		k->line++;
		k->report.rules++;
		refuse(k, &line);
	} else {
		read_line(k, line);
	}
	k->too_long = false;
	wd_buf_reset(&k->partial);
}

int wd_kubeproxy_iptables(struct wd_kubeproxy *k, const char *text, size_t n)
{
	while (n && !k->err) {
		const char *nl = memchr(text, '\n', n);
		size_t len = nl ? (size_t)(nl - text) : n;

		if (!nl || k->partial.len || k->too_long)
			keep(k, text, len);
		if (!nl)
			break;
		if (k->partial.len || k->too_long)
			read_kept(k);
		else
			read_line(k, wd_span(text, len));
		text = nl + 1;
		n -= len + 1;
	}
	return k->err;
}

int wd_kubeproxy_iptables_end(struct wd_kubeproxy *k)
{
	bool whole = !k->in_table && !k->partial.len && !k->too_long;

	wd_buf_release(&k->partial);
	wd_buf_init(&k->partial, WD_KUBEPROXY_LINE_MAX);
	if (k->err)
		return k->err;
	return whole ? 0 : -EPROTO;
}
