/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of plain files that stands for a cluster: pods.json, services.json,
 * endpointslices.json, networkpolicies.json, namespaces.json, nodes.json, nodenetworkconfigs.json,
 * each as `kubectl get X -A -o json` prints it, so that it can also be collected by hand;
 * node/… with files of a node; MISSING, which says what could not be had.
 *
 * MISSING has a line for each such file, "- pods.json: 403 Forbidden", and one for each that holds
 * only a part, "~ pods.json: only those of node aks-1". Control characters are written visibly.
 *
 * Only these seven resources are ever written, so no object of kind Secret or ConfigMap can be in
 * it. Objects are written as the API gave them: what people put into a pod's env or into
 * annotations in plain text is in it too.
 */
#ifndef WD_KUBE_SNAPSHOT_H
#define WD_KUBE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/store.h"

#define WD_SNAPSHOT_ERRLEN 512

/* ---- reading ----------------------------------------------------------------------------- */

/*
 * Fills the store from DIR; what each file lacks is told by its wd_store_state. A file that is
 * not there leaves its kind unknown. An object that cannot be read is skipped and counted, the
 * first one named in `problem`. A file that breaks off keeps the objects before that, but is
 * not complete. Symbolic links are not followed.
 * Error, with err: DIR cannot be read at all. -ENOMEM.
 */
int wd_snapshot_read(const char *dir, struct wd_store *store, char err[WD_SNAPSHOT_ERRLEN]);

/* Lines of MISSING; more are not read. */
#define WD_SNAPSHOT_MISSING_MAX 256

struct wd_snapshot_gap {
	char *name, *reason;
	bool partial; /* it is there, but not all of it */
};

struct wd_snapshot_gaps {
	struct wd_snapshot_gap v[WD_SNAPSHOT_MISSING_MAX];
	unsigned int n;
};

/* No such file: none. *ret is in any case to be released. */
int wd_snapshot_gaps_read(const char *dir, struct wd_snapshot_gaps *ret);
/* The same of its text, which is changed. */
int wd_snapshot_gaps_parse(char *text, struct wd_snapshot_gaps *ret);
void wd_snapshot_gaps_release(struct wd_snapshot_gaps *g);
/* NULL: it says nothing of this file. */
const struct wd_snapshot_gap *wd_snapshot_gap_find(const struct wd_snapshot_gaps *g,
                                                   const char *name);

/* ---- writing ----------------------------------------------------------------------------- */

struct wd_snapshot_writer;

/* Makes DIR (owner-only; its parent must exist), or takes one that is there when it is empty, our
 * own, and nobody else may write to it. -ENOTEMPTY, -EPERM, or what the system says; with err. */
int wd_snapshot_create(const char *dir, struct wd_snapshot_writer **ret,
                       char err[WD_SNAPSHOT_ERRLEN]);
/* Without wd_snapshot_finish(): files not ended are removed, MISSING is not written. */
void wd_snapshot_free(struct wd_snapshot_writer *w);
/* Writes MISSING when there is something missing, and syncs. */
int wd_snapshot_finish(struct wd_snapshot_writer *w);
/* Of the last call that failed: file and reason. */
const char *wd_snapshot_error(const struct wd_snapshot_writer *w);

/* One list each, several may be open at once. Nothing is there under its name before end(). An
 * item is one object as the API gave it, at most WD_SPLIT_VALUE_MAX long and cut out by
 * split.h (its nesting is right); apiVersion and kind, which items of typed lists lack, are added.
 * After an error only abort() is of use. */
int wd_snapshot_begin(struct wd_snapshot_writer *w, enum wd_resource r);
int wd_snapshot_item(struct wd_snapshot_writer *w, enum wd_resource r, const char *json, size_t n);
int wd_snapshot_end(struct wd_snapshot_writer *w, enum wd_resource r);
void wd_snapshot_abort(struct wd_snapshot_writer *w, enum wd_resource r);

/* A file below node/, its directories made as needed: "node/nft.json",
 * "node/files/var/lib/cni/…". -EINVAL: elsewhere, or with "..", "." or an empty component. */
int wd_snapshot_file(struct wd_snapshot_writer *w, const char *name, const void *bytes, size_t n);

/* For MISSING: name relative to DIR. -ENOSPC: WD_SNAPSHOT_MISSING_MAX are there. */
int wd_snapshot_missing(struct wd_snapshot_writer *w, const char *name, const char *reason);
/* The same of a resource that could not be listed, and of one whose file holds this node's
 * objects alone. */
int wd_snapshot_missing_list(struct wd_snapshot_writer *w, enum wd_resource r, const char *reason);
int wd_snapshot_node_only(struct wd_snapshot_writer *w, enum wd_resource r, const char *node);

#endif
