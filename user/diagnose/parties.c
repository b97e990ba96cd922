/* SPDX-License-Identifier: Apache-2.0 */
/* Names for the addresses of a case, and what the cluster says of them. */
#include <string.h>

#include "diagnose/case.h"

static bool is_pod(const struct wd_pod_ref *a)
{
	return a->name[0];
}

static bool same_pod(const struct wd_pod_ref *a, const struct wd_pod_ref *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->ns, b->ns) == 0;
}

/* "(as the API says)": whose word it is. */
static const char *source_words(enum wd_source s)
{
	return s == WD_SOURCE_API     ? "as the API says"
	       : s == WD_SOURCE_STATE ? "as the API said when it was last asked"
	                              : "as kube-proxy's rules on this node say";
}

/* What the node itself knows of a process or a namespace is nearer than what an address is
 * said to belong to; where the two differ, that is news. */
static void name_pod(struct wd_case *c, struct wd_pod_ref *known, const char **ret_node,
                     const struct wd_who_pod *who, const struct wd_addr *ip)
{
	char text[WD_ADDR_STRLEN];

	wd_addr_format(ip, text);
	if (who->claims > 1)
		wd_case_evidence(c, "cluster", "%u pods have the address %s in their status (%s)",
		                 who->claims, text, source_words(who->source));
	if (!is_pod(&who->ref))
		return;
	if (is_pod(known) && !same_pod(known, &who->ref)) {
		wd_case_evidence(c, "cluster", "%s belongs to %s/%s on this node, but to %s/%s %s",
		                 text, known->ns, known->name, who->ref.ns, who->ref.name,
		                 source_words(who->source));
		return;
	}
	*known = who->ref;
	if (who->node[0])
		*ret_node = wd_arena_printf(c->arena, "%s", who->node);
}

void wd_case_name_parties(struct wd_case *c)
{
	const struct wd_who *who = c->in->who;
	struct wd_finding *r = c->f;

	if (c->facts->client.container[0])
		r->client.container = wd_arena_printf(c->arena, "%s", c->facts->client.container);
	if (!who)
		return;
	/* the node's own address is shared by all who run in its namespace */
	if (!(r->client.host_known && r->client.host))
		name_pod(c, &r->client.pod, &r->client.node, &who->client, &r->client.ip);
	if (who->service.name[0]) {
		r->target.service_ns = wd_arena_printf(c->arena, "%s", who->service.ns);
		r->target.service = wd_arena_printf(c->arena, "%s", who->service.name);
		if (who->service.port[0])
			r->target.service_port = wd_arena_printf(c->arena, "%s", who->service.port);
	}
	r->target.api_server = who->api_server;
	if (who->api_name[0])
		r->target.name = wd_arena_printf(c->arena, "%s", who->api_name);
	name_pod(c, &r->backend.pod, &r->backend.node, &who->backend,
	         r->backend.known ? &r->backend.ip : &r->target.ip);
	/* connected to directly */
	if (!r->backend.known && is_pod(&r->backend.pod) && !who->service.name[0]) {
		r->backend.known = true;
		r->backend.ip = r->target.ip;
		r->backend.port = r->target.port;
	}
}

static void describe_service(struct wd_case *c)
{
	const struct wd_who_service *s = &c->in->who->service;
	const char *proto = wd_proto_name(c->f->proto);

	if (!s->name[0])
		return;
	if (s->port_undefined)
		wd_case_evidence(c, "cluster",
		                 "Service %s/%s has this address, but no port %u/%s (%s)", s->ns,
		                 s->name, c->f->target.port, proto ? proto : "?",
		                 source_words(s->source));
	if (s->endpoints_known && !s->ready)
		wd_case_evidence(c, "cluster",
		                 "Service %s/%s has no ready endpoint for this port, of %u (%s)",
		                 s->ns, s->name, s->endpoints, source_words(s->source));
	if (s->backend_known && !s->backend_is_endpoint)
		wd_case_evidence(c, "cluster", "%s is no endpoint of Service %s/%s (%s)",
		                 c->backend, s->ns, s->name, source_words(s->source));
	else if (s->backend_known && !s->backend_ready)
		wd_case_evidence(c, "cluster",
		                 "%s is an endpoint of Service %s/%s that is not ready (%s)",
		                 c->backend, s->ns, s->name, source_words(s->source));
}

void wd_case_describe_cluster(struct wd_case *c)
{
	static const enum wd_resource kinds[] = {WD_RESOURCE_POD, WD_RESOURCE_SERVICE,
	                                         WD_RESOURCE_SLICE};
	const struct wd_who *who = c->in->who;
	struct wd_finding *r = c->f;

	if (!who)
		return;
	describe_service(c);
	if (who->backend.terminating || who->backend.terminal)
		wd_case_evidence(c, "cluster", "pod %s/%s %s (%s)", who->backend.ref.ns,
		                 who->backend.ref.name,
		                 who->backend.terminal ? "has ended" : "is being deleted",
		                 source_words(who->backend.source));
	if (who->api_server && c->in->api_trouble)
		wd_case_evidence(c, "event", "%s", c->in->api_trouble);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (who->age_ms[kinds[i]] == UINT64_MAX)
			continue;
		r->state[r->n_states++] = (struct wd_finding_state){
			.what = wd_resource_plural(kinds[i]),
			.source = wd_source_name(who->age_source[kinds[i]]),
			.age_ms = who->age_ms[kinds[i]],
			.partial = who->partial[kinds[i]],
		};
	}
}
