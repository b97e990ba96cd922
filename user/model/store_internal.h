/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct wd_store; used by store.c and store_find.c only. */
#ifndef WD_MODEL_STORE_INTERNAL_H
#define WD_MODEL_STORE_INTERNAL_H

#include "base/atoms.h"
#include "base/table.h"
#include "model/store.h"

/* In front of each object, in the same allocation. */
struct wd_entry {
	uint64_t epoch; /* the resync that put it last */
};

struct wd_kept_kind {
	struct wd_table names; /* of struct wd_entry, by namespace and name */
	uint64_t epoch, generation;
	struct wd_store_state state;
};

struct wd_store {
	struct wd_atoms *atoms;
	struct wd_kept_kind kinds[WD_RESOURCE_MAX];
	/* entries by one of their addresses; slices once for each different address */
	struct wd_table pod_ips, service_ips, slice_ips, node_ips;
	struct wd_table node_ports;    /* services by node port */
	struct wd_table slice_service; /* slices by their service */
	struct wd_api_server api[WD_STORE_API_MAX];
	unsigned int n_api;
};

static inline struct wd_object *wd_entry_object(struct wd_entry *e)
{
	return (struct wd_object *)(void *)(e + 1);
}

uint32_t wd_store_hash_name(const struct wd_store *s, const char *ns, const char *name);
uint32_t wd_store_hash_ip(const struct wd_store *s, const struct wd_addr *ip);
uint32_t wd_store_hash_port(const struct wd_store *s, uint16_t port);
struct wd_entry *wd_store_entry(const struct wd_store *s, enum wd_resource kind, const char *ns,
                                const char *name);

#endif
