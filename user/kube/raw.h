/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One resource, page by page, each item as the server wrote it: for snapshots, which keep fields
 * that whydrop does not know. No retries but for a 401: what was handed out cannot be taken back.
 */
#ifndef WD_KUBE_RAW_H
#define WD_KUBE_RAW_H

#include "kube/client.h"

struct wd_raw;

struct wd_raw_request {
	const char *path;     /* "/api/v1/events" */
	const char *selector; /* of fields, as it stands in a URL; NULL all */
	/* negative: ends it, and is f->error; json holds during the call */
	int (*item)(const char *json, size_t n, void *ctx);
	/* f->stage MAX: all are told. skipped: items that were too long. version: resourceVersion
	 * of the list. Called from the loop; may free the wd_raw. */
	void (*done)(const struct wd_kube_failure *f, uint64_t skipped, const char *version,
	             void *ctx);
	void *ctx;
};

int wd_raw_start(struct wd_client *client, const struct wd_raw_request *q, struct wd_raw **ret);
void wd_raw_free(struct wd_raw *r);

#endif
