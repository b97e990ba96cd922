/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects with random content, such as wd_parse_object() can give. What they point to comes out of
 * one pool, which random_reset() empties.
 */
#ifndef WD_TEST_KUBE_RANDOM_H
#define WD_TEST_KUBE_RANDOM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/cluster.h"

static struct {
	uint64_t state;
	size_t used;
	_Alignas(16) char mem[1 << 20];
} pool;

static inline void random_reset(uint64_t seed)
{
	pool.state = seed;
	pool.used = 0;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static inline unsigned int below(unsigned int n)
{
	uint64_t z = pool.state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (unsigned int)((z ^ z >> 31) % n);
}

static inline void *take(size_t n)
{
	void *at = pool.mem + pool.used;

	pool.used += (n + 15) / 16 * 16;
	if (pool.used > sizeof(pool.mem))
		abort();
	return memset(at, 0, n);
}

static inline bool coin(void)
{
	return below(2);
}

/* Of all that a name may hold, NUL excepted. */
static inline const char *word(void)
{
	static const char *const odd[] = {"a",
	                                  "B",
	                                  "7",
	                                  "-",
	                                  ".",
	                                  "/",
	                                  "\"",
	                                  "\\",
	                                  "\n",
	                                  "\x01",
	                                  "\x7f",
	                                  "\xc3\xa9",
	                                  "\xe2\x82\xac",
	                                  "\xf0\x9f\x92\xa9",
	                                  "{",
	                                  "]"};
	unsigned int n = 1 + below(8);
	char *s = take(n * 4 + 1);

	while (n--)
		strcat(s, odd[below(16)]);
	return s;
}

static inline const char *maybe_word(void)
{
	return coin() ? word() : "";
}

static inline struct wd_addr any_addr(void)
{
	struct wd_addr a = {0};

	if (coin())
		return wd_addr_from_v4(below(0xffffffff));
	for (int i = 0; i < 16; i++)
		a.b[i] = coin() ? (uint8_t)below(256) : 0;
	return a;
}

static inline struct wd_prefix any_prefix(void)
{
	struct wd_prefix p = {.addr = any_addr()};
	bool v4 = wd_addr_is_v4(&p.addr);

	p.bits = (uint8_t)(v4 ? 96 + below(33) : below(129));
	for (unsigned int i = p.bits; i < 128; i++)
		p.addr.b[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
	return p;
}

static inline const struct wd_addr *some_addrs(unsigned int *n)
{
	struct wd_addr *v = take(3 * sizeof(*v));

	*n = below(4);
	for (unsigned int i = 0; i < *n; i++)
		v[i] = any_addr();
	return v;
}

static inline const struct wd_prefix *some_prefixes(unsigned int *n)
{
	struct wd_prefix *v = take(3 * sizeof(*v));

	*n = below(4);
	for (unsigned int i = 0; i < *n; i++)
		v[i] = any_prefix();
	return v;
}

/* Keys are different from one another. */
static inline struct wd_labels some_labels(void)
{
	struct wd_label *v = take(4 * sizeof(*v));
	struct wd_labels l = {v, below(5)};

	for (unsigned int i = 0; i < l.n; i++) {
		char *key = take(40);

		snprintf(key, 40, "%u%s", i, word());
		v[i] = (struct wd_label){key, maybe_word()};
	}
	return l;
}

static inline uint8_t any_proto(void)
{
	static const uint8_t protos[] = {6, 17, 132};

	return protos[below(3)];
}

static inline uint16_t any_port(void)
{
	return (uint16_t)(1 + below(65535));
}

static inline void any_pod(struct wd_pod *p)
{
	struct wd_container_port *v = take(3 * sizeof(*v));

	p->node = maybe_word();
	if (coin())
		for (int i = 0; i < 16; i++)
			p->uid[i] = (uint8_t)below(256);
	p->labels = some_labels();
	p->ips = some_addrs(&p->n_ips);
	p->n_ports = below(4);
	for (unsigned int i = 0; i < p->n_ports; i++)
		v[i] = (struct wd_container_port){maybe_word(), any_port(), any_proto()};
	p->ports = v;
	p->host_network = coin();
	p->terminating = coin();
	p->terminal = coin();
	p->ready = coin();
	p->on_demand = coin();
}

static inline void any_service(struct wd_service *s)
{
	struct wd_service_port *v = take(3 * sizeof(*v));

	s->type = (enum wd_service_type)below(4);
	s->headless = coin();
	s->cluster_ips = NULL;
	if (!s->headless)
		s->cluster_ips = some_addrs(&s->n_cluster_ips);
	s->external_ips = some_addrs(&s->n_external_ips);
	s->lb_ips = some_addrs(&s->n_lb_ips);
	s->lb_sources = some_prefixes(&s->n_lb_sources);
	s->n_ports = below(4);
	for (unsigned int i = 0; i < s->n_ports; i++) {
		v[i] = (struct wd_service_port){.name = maybe_word(),
		                                .port = any_port(),
		                                .node_port = coin() ? any_port() : 0,
		                                .target_port = coin() ? any_port() : 0,
		                                .target_name = "",
		                                .proto = any_proto()};
		if (!v[i].target_port)
			v[i].target_name = maybe_word();
	}
	s->ports = v;
	s->selector = some_labels();
	s->internal_local = coin();
	s->external_local = coin();
	s->affinity = coin();
	s->external_name = maybe_word();
}

static inline void any_slice(struct wd_slice *s)
{
	struct wd_endpoint *e = take(4 * sizeof(*e));
	struct wd_slice_port *v = take(3 * sizeof(*v));

	s->service = maybe_word();
	s->n_endpoints = below(5);
	for (unsigned int i = 0; i < s->n_endpoints; i++) {
		e[i] = (struct wd_endpoint){any_addr(),   coin(), coin(), coin(),
		                            maybe_word(), "",     ""};
		if (coin()) {
			e[i].pod_ns = word();
			e[i].pod = word();
		}
	}
	s->endpoints = e;
	s->n_ports = below(4);
	for (unsigned int i = 0; i < s->n_ports; i++)
		v[i] = (struct wd_slice_port){maybe_word(), coin() ? any_port() : 0, any_proto()};
	s->ports = v;
}

static inline struct wd_selector any_selector(bool present)
{
	struct wd_selector_expr *e = take(3 * sizeof(*e));
	struct wd_selector s = {.present = present, .exprs = e};

	if (!present)
		return s;
	s.labels = some_labels();
	s.n_exprs = below(4);
	for (unsigned int i = 0; i < s.n_exprs; i++) {
		const char **v = take(3 * sizeof(*v));

		e[i] = (struct wd_selector_expr){maybe_word(), (enum wd_selector_op)below(5), v,
		                                 below(4)};
		for (unsigned int k = 0; k < e[i].n_values; k++)
			v[k] = maybe_word();
	}
	return s;
}

static inline struct wd_policy_port any_policy_port(void)
{
	struct wd_policy_port p = {.proto = coin() ? any_proto() : 0, .named = ""};

	switch (below(4)) {
	case 0:
		break;
	case 1:
		p.named = word();
		break;
	case 2:
		p.port = any_port();
		break;
	default:
		p.port = (uint16_t)(1 + below(1000));
		p.end_port = (uint16_t)(p.port + below(2000));
	}
	return p;
}

static inline struct wd_policy_peer any_peer(void)
{
	struct wd_policy_peer p = {.pods = any_selector(coin()),
	                           .namespaces = any_selector(coin())};

	p.has_block = coin();
	if (p.has_block) {
		p.block = any_prefix();
		p.except = some_prefixes(&p.n_except);
	}
	p.unknown = coin() || (!p.has_block && !p.pods.present && !p.namespaces.present);
	return p;
}

static inline const struct wd_policy_rule *some_rules(unsigned int *n)
{
	struct wd_policy_rule *v = take(3 * sizeof(*v));

	*n = below(4);
	for (unsigned int i = 0; i < *n; i++) {
		struct wd_policy_peer *peers = take(3 * sizeof(*peers));
		struct wd_policy_port *ports = take(3 * sizeof(*ports));

		v[i] = (struct wd_policy_rule){peers, below(4), ports, below(4)};
		for (unsigned int k = 0; k < v[i].n_peers; k++)
			peers[k] = any_peer();
		for (unsigned int k = 0; k < v[i].n_ports; k++)
			ports[k] = any_policy_port();
	}
	return v;
}

static inline void any_policy(struct wd_policy *p)
{
	p->pods = any_selector(true);
	p->ingress = coin();
	p->egress = coin();
	p->ingress_rules = some_rules(&p->n_ingress_rules);
	p->egress_rules = some_rules(&p->n_egress_rules);
}

static inline void any_node(struct wd_node_object *n)
{
	n->labels = some_labels();
	n->internal_ips = some_addrs(&n->n_internal_ips);
	n->external_ips = some_addrs(&n->n_external_ips);
	n->pod_cidrs = some_prefixes(&n->n_pod_cidrs);
	n->provider = maybe_word();
	n->os_image = maybe_word();
	n->kernel = maybe_word();
	n->runtime = maybe_word();
	n->kubelet = maybe_word();
	n->ready = coin();
	n->unschedulable = coin();
}

static inline void any_nnc(struct wd_nnc *n)
{
	struct wd_nnc_container *v = take(3 * sizeof(*v));

	n->requested = below(1000);
	n->assigned = coin() ? INT64_MAX : 0;
	n->max_ips = below(3);
	n->status = maybe_word();
	n->n_containers = below(4);
	for (unsigned int i = 0; i < n->n_containers; i++) {
		v[i] = (struct wd_nnc_container){
			.id = maybe_word(),
			.mode = maybe_word(),
			.type = maybe_word(),
			.status = maybe_word(),
			.subnet = maybe_word(),
			.subnet_space = coin() ? any_prefix() : (struct wd_prefix){.bits = 0},
			.primary = coin() ? any_prefix() : (struct wd_prefix){.bits = 0},
		};
		v[i].ips = some_addrs(&v[i].n_ips);
	}
	n->containers = v;
}

static inline void any_object(enum wd_resource kind, struct wd_object *o)
{
	const char *ns = word(), *name = word();

	memset(o, 0, sizeof(*o));
	o->kind = kind;
	switch (kind) {
	case WD_RESOURCE_POD:
		any_pod(&o->pod);
		o->pod.ns = ns;
		o->pod.name = name;
		break;
	case WD_RESOURCE_SERVICE:
		any_service(&o->service);
		o->service.ns = ns;
		o->service.name = name;
		break;
	case WD_RESOURCE_SLICE:
		any_slice(&o->slice);
		o->slice.ns = ns;
		o->slice.name = name;
		break;
	case WD_RESOURCE_POLICY:
		any_policy(&o->policy);
		o->policy.ns = ns;
		o->policy.name = name;
		break;
	case WD_RESOURCE_NAMESPACE:
		o->namespace.labels = some_labels();
		o->namespace.name = name;
		break;
	case WD_RESOURCE_NODE:
		any_node(&o->node);
		o->node.name = name;
		break;
	default:
		any_nnc(&o->nnc);
		o->nnc.ns = ns;
		o->nnc.name = name;
	}
}

#endif
