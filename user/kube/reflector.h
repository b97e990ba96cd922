/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the objects of one resource in the store as the API server has them: list, then watch,
 * then, whenever that breaks, on from where it broke or from the start.
 *
 * A streaming list (sendInitialEvents) is tried first; a server that does not know it gets
 * pages and a watch. At most WD_REFLECTOR_LISTS lists run at once, of all resources.
 */
#ifndef WD_KUBE_REFLECTOR_H
#define WD_KUBE_REFLECTOR_H

#include <stdbool.h>

#include "kube/client.h"
#include "model/store.h"

#define WD_REFLECTOR_LISTS 2
#define WD_REFLECTOR_LIMIT 500

struct wd_reflector;

/* Shared by the reflectors of one client; borrowed. */
struct wd_reflector_env {
	struct wd_client *client;
	struct wd_store *store;
	bool no_watch; /* list once; after failures until it worked */
	/* one line without its end, when something changes for the user; may be NULL */
	void (*log)(const char *line, void *ctx);
	void *ctx;
	unsigned int listing; /* zero */
	struct wd_reflector *waiting;
	bool quiet; /* while all are freed */
};

/* selector: of fields, "" all, as it stands in a URL. node_only: it restricts to this node. */
int wd_reflector_new(struct wd_reflector_env *env, enum wd_resource kind, const char *selector,
                     bool node_only, struct wd_reflector **ret);
void wd_reflector_start(struct wd_reflector *r);
void wd_reflector_free(struct wd_reflector *r);

#endif
