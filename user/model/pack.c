/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pack.h"

#include <stdlib.h>
#include <string.h>

enum mode {
	MEASURE,
	COPY,
	RELEASE,
};

struct walk {
	enum mode mode;
	struct wd_atoms *atoms;
	char *base;
	size_t used;
	bool failed;
};

/* Elements are looked at in here while they are only measured. */
#define ELEMENT_MAX 192

typedef void (*element_fn)(struct walk *w, void *element);

static void string(struct walk *w, const char **s)
{
	const char *copy;

	if (w->mode == RELEASE)
		wd_atom_put(w->atoms, *s);
	if (w->mode != COPY)
		return;
	copy = *s ? wd_atom_get(w->atoms, *s) : "";
	if (!copy) {
		w->failed = true;
		copy = wd_atom_get(w->atoms, ""); /* costs nothing */
	}
	*s = copy;
}

static void array(struct walk *w, const void **field, unsigned int n, size_t size, element_fn each)
{
	const char *from = *field;
	char scratch[ELEMENT_MAX], *to = NULL;

	if (w->mode != RELEASE) {
		w->used = (w->used + 7) & ~(size_t)7;
		to = w->base ? w->base + w->used : NULL;
		w->used += n * size;
	}
	for (unsigned int i = 0; i < n; i++) {
		void *e = w->mode == RELEASE ? (void *)(uintptr_t)(from + i * size)
		          : to               ? to + i * size
		                             : scratch;

		if (w->mode != RELEASE)
			memcpy(e, from + i * size, size);
		if (each)
			each(w, e);
	}
	if (w->mode == COPY)
		*field = n ? to : NULL;
}

#define ARRAY(w, field, n, each)                                                      \
	do {                                                                          \
		_Static_assert(sizeof(*(field)) <= ELEMENT_MAX, "element");           \
		array(w, (const void **)(void *)&(field), n, sizeof(*(field)), each); \
	} while (0)

static void label(struct walk *w, void *element)
{
	struct wd_label *l = element;

	string(w, &l->key);
	string(w, &l->value);
}

static void labels(struct walk *w, struct wd_labels *l)
{
	ARRAY(w, l->v, l->n, label);
}

static void plain_string(struct walk *w, void *element)
{
	string(w, element);
}

static void container_port(struct walk *w, void *element)
{
	string(w, &((struct wd_container_port *)element)->name);
}

static void pod(struct walk *w, struct wd_pod *p)
{
	string(w, &p->ns);
	string(w, &p->name);
	string(w, &p->node);
	labels(w, &p->labels);
	ARRAY(w, p->ips, p->n_ips, NULL);
	ARRAY(w, p->ports, p->n_ports, container_port);
}

static void service_port(struct walk *w, void *element)
{
	struct wd_service_port *p = element;

	string(w, &p->name);
	string(w, &p->target_name);
}

static void service(struct walk *w, struct wd_service *s)
{
	string(w, &s->ns);
	string(w, &s->name);
	string(w, &s->external_name);
	ARRAY(w, s->cluster_ips, s->n_cluster_ips, NULL);
	ARRAY(w, s->external_ips, s->n_external_ips, NULL);
	ARRAY(w, s->lb_ips, s->n_lb_ips, NULL);
	ARRAY(w, s->lb_sources, s->n_lb_sources, NULL);
	ARRAY(w, s->ports, s->n_ports, service_port);
	labels(w, &s->selector);
}

static void endpoint(struct walk *w, void *element)
{
	struct wd_endpoint *e = element;

	string(w, &e->node);
	string(w, &e->pod_ns);
	string(w, &e->pod);
}

static void slice_port(struct walk *w, void *element)
{
	string(w, &((struct wd_slice_port *)element)->name);
}

static void slice(struct walk *w, struct wd_slice *s)
{
	string(w, &s->ns);
	string(w, &s->name);
	string(w, &s->service);
	ARRAY(w, s->endpoints, s->n_endpoints, endpoint);
	ARRAY(w, s->ports, s->n_ports, slice_port);
}

static void selector_expr(struct walk *w, void *element)
{
	struct wd_selector_expr *e = element;

	string(w, &e->key);
	ARRAY(w, e->values, e->n_values, plain_string);
}

static void selector(struct walk *w, struct wd_selector *s)
{
	labels(w, &s->labels);
	ARRAY(w, s->exprs, s->n_exprs, selector_expr);
}

static void policy_peer(struct walk *w, void *element)
{
	struct wd_policy_peer *p = element;

	ARRAY(w, p->except, p->n_except, NULL);
	selector(w, &p->pods);
	selector(w, &p->namespaces);
}

static void policy_port(struct walk *w, void *element)
{
	string(w, &((struct wd_policy_port *)element)->named);
}

static void policy_rule(struct walk *w, void *element)
{
	struct wd_policy_rule *r = element;

	ARRAY(w, r->peers, r->n_peers, policy_peer);
	ARRAY(w, r->ports, r->n_ports, policy_port);
}

static void policy(struct walk *w, struct wd_policy *p)
{
	string(w, &p->ns);
	string(w, &p->name);
	selector(w, &p->pods);
	ARRAY(w, p->ingress_rules, p->n_ingress_rules, policy_rule);
	ARRAY(w, p->egress_rules, p->n_egress_rules, policy_rule);
}

static void node(struct walk *w, struct wd_node_object *n)
{
	string(w, &n->name);
	string(w, &n->provider);
	string(w, &n->os_image);
	string(w, &n->kernel);
	string(w, &n->runtime);
	string(w, &n->kubelet);
	labels(w, &n->labels);
	ARRAY(w, n->internal_ips, n->n_internal_ips, NULL);
	ARRAY(w, n->external_ips, n->n_external_ips, NULL);
	ARRAY(w, n->pod_cidrs, n->n_pod_cidrs, NULL);
}

static void nnc_container(struct walk *w, void *element)
{
	struct wd_nnc_container *c = element;

	string(w, &c->id);
	string(w, &c->mode);
	string(w, &c->type);
	string(w, &c->status);
	string(w, &c->subnet);
	ARRAY(w, c->ips, c->n_ips, NULL);
}

static void nnc(struct walk *w, struct wd_nnc *n)
{
	string(w, &n->ns);
	string(w, &n->name);
	string(w, &n->status);
	ARRAY(w, n->containers, n->n_containers, nnc_container);
}

static void object(struct walk *w, struct wd_object *o)
{
	switch (o->kind) {
	case WD_RESOURCE_POD:
		pod(w, &o->pod);
		break;
	case WD_RESOURCE_SERVICE:
		service(w, &o->service);
		break;
	case WD_RESOURCE_SLICE:
		slice(w, &o->slice);
		break;
	case WD_RESOURCE_POLICY:
		policy(w, &o->policy);
		break;
	case WD_RESOURCE_NAMESPACE:
		string(w, &o->namespace.name);
		labels(w, &o->namespace.labels);
		break;
	case WD_RESOURCE_NODE:
		node(w, &o->node);
		break;
	case WD_RESOURCE_NNC:
		nnc(w, &o->nnc);
		break;
	case WD_RESOURCE_MAX:
		break;
	}
}

static size_t size_of(enum wd_resource kind)
{
	static const size_t sizes[WD_RESOURCE_MAX] = {
		[WD_RESOURCE_POD] = sizeof(struct wd_pod),
		[WD_RESOURCE_SERVICE] = sizeof(struct wd_service),
		[WD_RESOURCE_SLICE] = sizeof(struct wd_slice),
		[WD_RESOURCE_POLICY] = sizeof(struct wd_policy),
		[WD_RESOURCE_NAMESPACE] = sizeof(struct wd_namespace),
		[WD_RESOURCE_NODE] = sizeof(struct wd_node_object),
		[WD_RESOURCE_NNC] = sizeof(struct wd_nnc),
	};

	return offsetof(struct wd_object, pod) + sizes[kind];
}

void *wd_pack(struct wd_atoms *atoms, size_t head, const struct wd_object *o)
{
	size_t own = head + size_of(o->kind);
	struct walk w = {.mode = MEASURE, .atoms = atoms, .used = own};
	struct wd_object scratch;
	struct wd_object *to;
	char *block;

	memcpy(&scratch, o, size_of(o->kind));
	object(&w, &scratch);
	block = malloc(w.used);
	if (!block)
		return NULL;
	memset(block, 0, head);
	memcpy(block + head, o, size_of(o->kind));
	to = (struct wd_object *)(void *)(block + head);
	w = (struct walk){.mode = COPY, .atoms = atoms, .base = block, .used = own};
	object(&w, to);
	if (!w.failed)
		return block;
	wd_unpack(atoms, head, block);
	return NULL;
}

void wd_unpack(struct wd_atoms *atoms, size_t head, void *block)
{
	struct walk w = {.mode = RELEASE, .atoms = atoms};

	object(&w, (struct wd_object *)(void *)((char *)block + head));
	free(block);
}
