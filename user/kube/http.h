/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET requests to the API server, one at a time on a connection that is kept open between them.
 * The body goes to the callback in the pieces in which it comes; nothing is collected.
 */
#ifndef WD_KUBE_HTTP_H
#define WD_KUBE_HTTP_H

#include <stdbool.h>

#include "kube/dial.h"
#include "kube/response.h"

struct wd_http;

#define WD_HTTP_TARGET_MAX (8u << 10)

struct wd_http_request {
	const char *target;             /* path and query, copied */
	unsigned int idle_ms, total_ms; /* total 0: none */
	/* Also called with n 0 when the head is there. Negative: enough of it; done gets that as
	 * error of stage BODY. Must not free the wd_http. */
	int (*body)(int status, const char *bytes, size_t n, void *ctx);
	/* f->stage MAX: the response is complete, f->status says of which kind, and f->ip whose.
	 * May begin the next request, or free the wd_http. Called from the loop. */
	void (*done)(const struct wd_kube_failure *f, void *ctx);
	void *ctx;
};

/* env: where to look up which way new connections take. */
int wd_http_new(const struct wd_dial_env *const *env, struct wd_credential *credential,
                struct wd_http **ret);
void wd_http_free(struct wd_http *h);
/* -EBUSY, -ENAMETOOLONG. */
int wd_http_get(struct wd_http *h, const struct wd_http_request *r);
/* Ends the request, if there is one, without done. The connection is closed. */
void wd_http_cancel(struct wd_http *h);
/* The way that the last connection took, or tried. */
const struct wd_dial_env *wd_http_way(const struct wd_http *h);
bool wd_http_busy(const struct wd_http *h);
/* Other deadlines for the request on its way, from now on. */
void wd_http_set_deadlines(struct wd_http *h, unsigned int idle_ms, unsigned int total_ms);

#endif
