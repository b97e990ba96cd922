/* SPDX-License-Identifier: Apache-2.0 */
#include "model/cluster.h"

#include <string.h>

static const struct {
	const char *plural, *kind, *path;
} resources[WD_RESOURCE_MAX] = {
#define X(id, plural, kind, path) [WD_RESOURCE_##id] = {plural, kind, path},
	WD_RESOURCES(X)
#undef X
};

const char *wd_resource_plural(enum wd_resource r)
{
	return resources[r].plural;
}

const char *wd_resource_kind(enum wd_resource r)
{
	return resources[r].kind;
}

const char *wd_resource_path(enum wd_resource r)
{
	return resources[r].path;
}

enum wd_resource wd_resource_of_kind(const char *kind)
{
	for (unsigned int i = 0; i < WD_RESOURCE_MAX; i++) {
		size_t n = strlen(resources[i].kind);

		if (strncmp(kind, resources[i].kind, n) == 0 &&
		    (kind[n] == '\0' || strcmp(kind + n, "List") == 0))
			return (enum wd_resource)i;
	}
	return WD_RESOURCE_MAX;
}

const char *wd_labels_get(const struct wd_labels *l, const char *key)
{
	for (unsigned int i = 0; i < l->n; i++)
		if (strcmp(l->v[i].key, key) == 0)
			return l->v[i].value;
	return NULL;
}

const char *wd_object_ns(const struct wd_object *o)
{
	switch (o->kind) {
	case WD_RESOURCE_POD:
		return o->pod.ns;
	case WD_RESOURCE_SERVICE:
		return o->service.ns;
	case WD_RESOURCE_SLICE:
		return o->slice.ns;
	case WD_RESOURCE_POLICY:
		return o->policy.ns;
	case WD_RESOURCE_NNC:
		return o->nnc.ns;
	case WD_RESOURCE_NAMESPACE:
	case WD_RESOURCE_NODE:
	case WD_RESOURCE_MAX:
		break;
	}
	return "";
}

const char *wd_object_name(const struct wd_object *o)
{
	switch (o->kind) {
	case WD_RESOURCE_POD:
		return o->pod.name;
	case WD_RESOURCE_SERVICE:
		return o->service.name;
	case WD_RESOURCE_SLICE:
		return o->slice.name;
	case WD_RESOURCE_POLICY:
		return o->policy.name;
	case WD_RESOURCE_NAMESPACE:
		return o->namespace.name;
	case WD_RESOURCE_NODE:
		return o->node.name;
	case WD_RESOURCE_NNC:
		return o->nnc.name;
	case WD_RESOURCE_MAX:
		break;
	}
	return "";
}
