/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to the API: the body of a 200, or the server's Status in words. A 401 is met with
 * fresh credentials, once.
 */
#ifndef WD_KUBE_FETCH_H
#define WD_KUBE_FETCH_H

#include "kube/client.h"
#include "kube/failure.h"

struct wd_fetch;

#define WD_FETCH_NEXT_MAX 2000

struct wd_fetch_request {
	const char *target;
	unsigned int idle_ms, total_ms; /* total 0: none */
	/* of a 200 only; negative: enough of it */
	int (*body)(const char *bytes, size_t n, void *ctx);
	/* stage MAX: a whole 200. ANSWER: another status. May begin the next, or free the fetch. */
	void (*done)(const struct wd_kube_failure *f, void *ctx);
	void *ctx;
};

int wd_fetch_new(struct wd_client *client, struct wd_fetch **ret);
void wd_fetch_free(struct wd_fetch *f);
int wd_fetch_get(struct wd_fetch *f, const struct wd_fetch_request *r);
void wd_fetch_set_deadlines(struct wd_fetch *f, unsigned int idle_ms, unsigned int total_ms);
/* After an ANSWER: the token with which a list that expired may be continued nevertheless; "". */
const char *wd_fetch_next(const struct wd_fetch *f);
/* Appends text to a query, percent-encoded; how much was written, or -ENAMETOOLONG. */
int wd_fetch_escape(char *buf, size_t size, const char *text);

#endif
