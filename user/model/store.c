/* SPDX-License-Identifier: Apache-2.0 */
#include "model/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/pack.h"
#include "model/store_internal.h"

int wd_store_new(struct wd_store **ret)
{
	struct wd_store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = wd_atoms_new(&s->atoms);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void wd_store_free(struct wd_store *s)
{
	if (!s)
		return;
	for (unsigned int i = 0; i < WD_RESOURCE_MAX; i++) {
		uint32_t at = 0;
		void *e;

		/* the strings go all at once, below */
		while ((e = wd_table_each(&s->kinds[i].names, &at)))
			free(e);
		wd_table_release(&s->kinds[i].names);
		free((char *)(uintptr_t)s->kinds[i].state.problem);
	}
	wd_table_release(&s->pod_ips);
	wd_table_release(&s->service_ips);
	wd_table_release(&s->slice_ips);
	wd_table_release(&s->node_ips);
	wd_table_release(&s->node_ports);
	wd_table_release(&s->slice_service);
	wd_atoms_free(s->atoms);
	free(s);
}

/* ---- keys ---------------------------------------------------------------------------------- */

static uint64_t seed(const struct wd_store *s)
{
	return (uintptr_t)s * 0x9e3779b97f4a7c15ull;
}

uint32_t wd_store_hash_name(const struct wd_store *s, const char *ns, const char *name)
{
	return wd_hash(name, strlen(name), seed(s) + wd_hash(ns, strlen(ns), seed(s)));
}

uint32_t wd_store_hash_ip(const struct wd_store *s, const struct wd_addr *ip)
{
	return wd_hash(ip->b, sizeof(ip->b), seed(s));
}

uint32_t wd_store_hash_port(const struct wd_store *s, uint16_t port)
{
	return wd_hash(&port, sizeof(port), seed(s));
}

struct wd_entry *wd_store_entry(const struct wd_store *s, enum wd_resource kind, const char *ns,
                                const char *name)
{
	const struct wd_table *t = &s->kinds[kind].names;
	struct wd_table_walk w = wd_table_find(t, wd_store_hash_name(s, ns, name));
	struct wd_entry *e;

	while ((e = wd_table_next(t, &w))) {
		const struct wd_object *o = wd_entry_object(e);

		if (strcmp(wd_object_name(o), name) == 0 && strcmp(wd_object_ns(o), ns) == 0)
			return e;
	}
	return NULL;
}

/* ---- indexes -------------------------------------------------------------------------------- */

/* Calls fn for every key under which an object can be found. */
typedef int (*key_fn)(struct wd_table *t, uint32_t hash, struct wd_entry *e);

static int add_key(struct wd_table *t, uint32_t hash, struct wd_entry *e)
{
	return wd_table_add(t, hash, e);
}

static int remove_key(struct wd_table *t, uint32_t hash, struct wd_entry *e)
{
	wd_table_remove(t, hash, e);
	return 0;
}

static int ip_keys(struct wd_store *s, struct wd_table *t, const struct wd_addr *ips,
                   unsigned int n, struct wd_entry *e, key_fn fn)
{
	int r = 0;

	for (unsigned int i = 0; i < n && r == 0; i++)
		r = fn(t, wd_store_hash_ip(s, &ips[i]), e);
	return r;
}

static int service_keys(struct wd_store *s, struct wd_entry *e, key_fn fn)
{
	const struct wd_service *v = &wd_entry_object(e)->service;
	int r = ip_keys(s, &s->service_ips, v->cluster_ips, v->n_cluster_ips, e, fn);

	if (r == 0)
		r = ip_keys(s, &s->service_ips, v->external_ips, v->n_external_ips, e, fn);
	if (r == 0)
		r = ip_keys(s, &s->service_ips, v->lb_ips, v->n_lb_ips, e, fn);
	for (unsigned int i = 0; i < v->n_ports && r == 0; i++)
		if (v->ports[i].node_port)
			r = fn(&s->node_ports, wd_store_hash_port(s, v->ports[i].node_port), e);
	return r;
}

static bool named_before(const struct wd_slice *v, unsigned int i)
{
	for (unsigned int k = 0; k < i; k++)
		if (wd_addr_equal(&v->endpoints[k].ip, &v->endpoints[i].ip))
			return true;
	return false;
}

static int slice_keys(struct wd_store *s, struct wd_entry *e, key_fn fn)
{
	const struct wd_slice *v = &wd_entry_object(e)->slice;
	int r = 0;

	if (v->service[0])
		r = fn(&s->slice_service, wd_store_hash_name(s, v->ns, v->service), e);
	for (unsigned int i = 0; i < v->n_endpoints && r == 0; i++)
		if (!named_before(v, i))
			r = fn(&s->slice_ips, wd_store_hash_ip(s, &v->endpoints[i].ip), e);
	return r;
}

static int keys(struct wd_store *s, struct wd_entry *e, key_fn fn)
{
	const struct wd_object *o = wd_entry_object(e);

	switch (o->kind) {
	case WD_RESOURCE_POD:
		return ip_keys(s, &s->pod_ips, o->pod.ips, o->pod.n_ips, e, fn);
	case WD_RESOURCE_SERVICE:
		return service_keys(s, e, fn);
	case WD_RESOURCE_SLICE:
		return slice_keys(s, e, fn);
	case WD_RESOURCE_NODE: {
		int r = ip_keys(s, &s->node_ips, o->node.internal_ips, o->node.n_internal_ips, e,
		                fn);

		return r ? r
		         : ip_keys(s, &s->node_ips, o->node.external_ips, o->node.n_external_ips, e,
		                   fn);
	}
	case WD_RESOURCE_POLICY:
	case WD_RESOURCE_NAMESPACE:
	case WD_RESOURCE_NNC:
	case WD_RESOURCE_MAX:
		break;
	}
	return 0;
}

/* ---- filling --------------------------------------------------------------------------------- */

static void drop(struct wd_store *s, struct wd_entry *e)
{
	const struct wd_object *o = wd_entry_object(e);
	struct wd_kept_kind *k = &s->kinds[o->kind];

	keys(s, e, remove_key);
	wd_table_remove(&k->names, wd_store_hash_name(s, wd_object_ns(o), wd_object_name(o)), e);
	k->generation++;
	wd_unpack(s->atoms, sizeof(*e), e);
}

int wd_store_put(struct wd_store *s, const struct wd_object *o)
{
	struct wd_kept_kind *k = &s->kinds[o->kind];
	const char *ns = wd_object_ns(o), *name = wd_object_name(o);
	struct wd_entry *old, *e;

	if (!name[0])
		return -EINVAL;
	old = wd_store_entry(s, o->kind, ns, name);
	if (!old && k->names.n >= WD_STORE_OBJECTS_MAX)
		return -ENOSPC;
	e = wd_pack(s->atoms, sizeof(*e), o);
	if (!e)
		return -ENOMEM;
	/* asked for singly, it is no less part of the watch */
	if (old && o->kind == WD_RESOURCE_POD && !wd_entry_object(old)->pod.on_demand)
		wd_entry_object(e)->pod.on_demand = false;
	if (wd_table_reserve(&k->names, 1) < 0 || keys(s, e, add_key) < 0) {
		keys(s, e, remove_key);
		wd_unpack(s->atoms, sizeof(*e), e);
		return -ENOMEM;
	}
	if (old)
		drop(s, old);
	wd_table_add(&k->names, wd_store_hash_name(s, ns, name), e);
	e->epoch = k->epoch;
	k->generation++;
	return 0;
}

int wd_store_delete(struct wd_store *s, enum wd_resource kind, const char *ns, const char *name)
{
	struct wd_entry *e = wd_store_entry(s, kind, ns, name);

	if (!e)
		return -ENOENT;
	drop(s, e);
	return 0;
}

void wd_store_resync_begin(struct wd_store *s, enum wd_resource kind)
{
	s->kinds[kind].epoch++;
}

static bool is_stale(const struct wd_kept_kind *k, struct wd_entry *e)
{
	const struct wd_object *o = wd_entry_object(e);

	return e->epoch != k->epoch && !(o->kind == WD_RESOURCE_POD && o->pod.on_demand);
}

void wd_store_resync_end(struct wd_store *s, enum wd_resource kind, bool complete)
{
	struct wd_kept_kind *k = &s->kinds[kind];
	struct wd_entry *e;
	uint32_t at = 0;

	/* Removing closes the gap by entries from behind it: the same slot is looked at again. What
	 * comes from the beginning of the table, round its end, was looked at already. */
	while (complete && (e = wd_table_each(&k->names, &at))) {
		if (is_stale(k, e)) {
			drop(s, e);
			at--;
		}
	}
}

uint64_t wd_store_generation(const struct wd_store *s, enum wd_resource kind)
{
	return s->kinds[kind].generation;
}

void wd_store_set_state(struct wd_store *s, enum wd_resource kind, const struct wd_store_state *st)
{
	struct wd_store_state *own = &s->kinds[kind].state;
	char *problem = st->problem ? strdup(st->problem) : NULL;
	const char *old = own->problem;

	*own = *st;
	own->problem = problem;
	free((char *)(uintptr_t)old);
}

const struct wd_store_state *wd_store_state(const struct wd_store *s, enum wd_resource kind)
{
	return &s->kinds[kind].state;
}

int wd_store_set_api_servers(struct wd_store *s, const struct wd_api_server *v, unsigned int n)
{
	struct wd_api_server fresh[WD_STORE_API_MAX];

	n = n < WD_STORE_API_MAX ? n : WD_STORE_API_MAX;
	for (unsigned int i = 0; i < n; i++) {
		fresh[i] = v[i];
		fresh[i].name = wd_atom_get(s->atoms, v[i].name ? v[i].name : "");
		if (fresh[i].name)
			continue;
		while (i--)
			wd_atom_put(s->atoms, fresh[i].name);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < s->n_api; i++)
		wd_atom_put(s->atoms, s->api[i].name);
	memcpy(s->api, fresh, n * sizeof(fresh[0]));
	s->n_api = n;
	return 0;
}
