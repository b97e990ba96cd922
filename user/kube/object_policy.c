/* SPDX-License-Identifier: Apache-2.0 */
/*
 * k8s.io/api/networking/v1 NetworkPolicy. Here nothing is left out in silence, since less can
 * mean more: a rule without ports allows all of them. What cannot be read refuses the policy;
 * what is of a later Kubernetes is kept as unknown.
 */
#include <string.h>

#include "kube/parse.h"

/* ---- selectors --------------------------------------------------------------------------- */

static enum wd_selector_op selector_op(const char *text)
{
	static const char *const names[WD_SELECTOR_UNKNOWN] = {"In", "NotIn", "Exists",
	                                                       "DoesNotExist"};

	for (int i = 0; i < WD_SELECTOR_UNKNOWN; i++)
		if (!strcmp(text, names[i]))
			return (enum wd_selector_op)i;
	return WD_SELECTOR_UNKNOWN;
}

static struct wd_selector_expr expr_read(struct wd_parse *p, const struct wd_field *f)
{
	struct wd_field list = wd_field_array(p, f, "values");
	size_t n = wd_field_size(&list);
	const char **v = wd_parse_alloc(p, n, sizeof(*v));
	struct wd_selector_expr e = {
		.key = wd_field_string(p, f, "key"),
		.op = selector_op(wd_field_string(p, f, "operator")),
		.values = v,
	};

	for (size_t i = 0; v && i < n; i++)
		v[e.n_values++] = wd_field_string_at(p, &list, i);
	return e;
}

/* Has members besides the named ones (a NULL ends them). */
static bool has_others(const struct wd_field *f, const char *const known[])
{
	size_t n = 0;

	for (; *known; known++)
		n += json_object_get(f->json, *known) != NULL;
	return json_object_size(f->json) > n;
}

/* A member that is not known narrows it in a way that is not known. */
static struct wd_selector selector_read(struct wd_parse *p, const struct wd_field *up,
                                        const char *key)
{
	static const char *const known[] = {"matchLabels", "matchExpressions", NULL};
	struct wd_field f = wd_field_object(p, up, key);
	struct wd_field list = wd_field_array(p, &f, "matchExpressions");
	size_t n = wd_field_size(&list);
	struct wd_selector s = {.present = f.json != NULL};
	bool others = has_others(&f, known);
	struct wd_selector_expr *v = wd_parse_alloc(p, n + others, sizeof(*v));

	s.labels = wd_field_labels(p, &f, "matchLabels");
	for (size_t i = 0; v && i < n; i++) {
		struct wd_field one = wd_field_object_at(p, &list, i);

		v[s.n_exprs++] = expr_read(p, &one);
	}
	if (v && others)
		v[s.n_exprs++] = (struct wd_selector_expr){.key = "", .op = WD_SELECTOR_UNKNOWN};
	s.exprs = v;
	return s;
}

/* ---- rules ------------------------------------------------------------------------------- */

/* A protocol that is not known stays 0: the entry is there, and no known protocol is it. */
static struct wd_policy_port port_read(struct wd_parse *p, const struct wd_field *f)
{
	struct wd_field port = wd_field_any(p, f, "port"), end = wd_field_any(p, f, "endPort");
	int64_t last = wd_field_int(p, f, "endPort", 0);
	struct wd_policy_port ret = {.proto = wd_field_proto(p, f), .named = ""};

	if (json_is_integer(port.json)) {
		if (!wd_parse_is_port(json_integer_value(port.json)))
			wd_field_fail(p, &port, "not a port number");
		ret.port = (uint16_t)json_integer_value(port.json);
	} else if (port.json && !json_is_string(port.json)) {
		wd_field_fail(p, &port, "neither an integer nor a string");
	} else if (port.json) {
		ret.named = wd_field_text(p, &port);
		if (!ret.named[0])
			wd_field_fail(p, &port, "empty");
	}
	/* With a name or without port it means nothing; the server refuses that. */
	if (end.json && (!ret.port || last < ret.port || last > 65535))
		wd_field_fail(p, &end, "no range with its port");
	ret.end_port = (uint16_t)last;
	return ret;
}

static void block_read(struct wd_parse *p, const struct wd_field *f, struct wd_policy_peer *ret)
{
	static const char *const known[] = {"cidr", "except", NULL};
	const char *cidr = wd_field_string(p, f, "cidr");
	uint64_t before = p->left_out;

	ret->has_block = true;
	ret->except = wd_field_prefixes(p, f, "except", &ret->n_except);
	if (!strchr(cidr, '/') || !wd_parse_prefix(cidr, &ret->block) || p->left_out != before ||
	    has_others(f, known))
		ret->unknown = true;
}

static struct wd_policy_peer peer_read(struct wd_parse *p, const struct wd_field *f)
{
	static const char *const known[] = {"podSelector", "namespaceSelector", "ipBlock", NULL};
	struct wd_field block = wd_field_object(p, f, "ipBlock");
	struct wd_policy_peer peer = {
		.pods = selector_read(p, f, "podSelector"),
		.namespaces = selector_read(p, f, "namespaceSelector"),
		.unknown = has_others(f, known),
	};

	if (block.json)
		block_read(p, &block, &peer);
	/* The server refuses an empty one, so something was dropped on its way here. */
	if (!block.json && !peer.pods.present && !peer.namespaces.present)
		peer.unknown = true;
	return peer;
}

static struct wd_policy_rule rule_read(struct wd_parse *p, const struct wd_field *f,
                                       const char *peers_key)
{
	struct wd_field peers = wd_field_array(p, f, peers_key);
	struct wd_field ports = wd_field_array(p, f, "ports");
	size_t n = wd_field_size(&peers), m = wd_field_size(&ports);
	struct wd_policy_peer *peer = wd_parse_alloc(p, n, sizeof(*peer));
	struct wd_policy_port *port = wd_parse_alloc(p, m, sizeof(*port));
	struct wd_policy_rule ret = {.peers = peer, .ports = port};

	for (size_t i = 0; peer && i < n; i++) {
		struct wd_field one = wd_field_object_at(p, &peers, i);

		peer[ret.n_peers++] = peer_read(p, &one);
	}
	for (size_t i = 0; port && i < m; i++) {
		struct wd_field one = wd_field_object_at(p, &ports, i);

		port[ret.n_ports++] = port_read(p, &one);
	}
	return ret;
}

static const struct wd_policy_rule *rules_read(struct wd_parse *p, const struct wd_field *spec,
                                               const char *key, const char *peers_key,
                                               unsigned int *ret_n)
{
	struct wd_field list = wd_field_array(p, spec, key);
	size_t n = wd_field_size(&list);
	struct wd_policy_rule *v = wd_parse_alloc(p, n, sizeof(*v));

	*ret_n = 0;
	for (size_t i = 0; v && i < n; i++) {
		struct wd_field one = wd_field_object_at(p, &list, i);

		v[(*ret_n)++] = rule_read(p, &one, peers_key);
	}
	return v;
}

/* networking/v1 types.go: absent, Ingress always, and Egress if there are egress rules. */
static void types_read(struct wd_parse *p, const struct wd_field *spec, struct wd_policy *ret)
{
	struct wd_field list = wd_field_array(p, spec, "policyTypes");

	for (size_t i = 0; i < wd_field_size(&list); i++) {
		const char *type = wd_field_string_at(p, &list, i);

		ret->ingress |= !strcmp(type, "Ingress");
		ret->egress |= !strcmp(type, "Egress");
	}
	if (wd_field_size(&list))
		return;
	ret->ingress = true;
	ret->egress = ret->n_egress_rules > 0;
}

void wd_parse_policy(struct wd_parse *p, const struct wd_field *o, struct wd_policy *ret)
{
	struct wd_field spec = wd_field_object(p, o, "spec");

	/* Not a pointer in Go: absent is the empty one, which selects all pods of the namespace. */
	ret->pods = selector_read(p, &spec, "podSelector");
	ret->pods.present = true;
	ret->ingress_rules = rules_read(p, &spec, "ingress", "from", &ret->n_ingress_rules);
	ret->egress_rules = rules_read(p, &spec, "egress", "to", &ret->n_egress_rules);
	types_read(p, &spec, ret);
}
