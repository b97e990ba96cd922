/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As whom the next request is made. Token files are read for every request: the kubelet swaps
 * them, and a request is rare. A plugin's answer is kept until shortly before it expires, or
 * until the server refuses it.
 */
#ifndef WD_KUBE_CREDENTIAL_H
#define WD_KUBE_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "kube/config.h"
#include "kube/failure.h"

struct event_base;
struct wd_credential;

/* What a request needs. Owned by the credential; holds until the loop runs again. */
struct wd_identity {
	const char *token;      /* NULL: none */
	const char *cert, *key; /* PEM of a plugin; NULL: the configuration's */
	uint64_t generation;    /* of cert and key: another value when they change */
};

/* Who waits: embedded by the caller, and its own until done was called. */
struct wd_credential_wait {
	/* NULL: see failure */
	void (*done)(const struct wd_identity *id, const struct wd_kube_failure *f, void *ctx);
	void *ctx;
	struct wd_credential_wait *next;
	bool queued;
};

int wd_credential_new(struct event_base *loop, const struct wd_kube_config *config,
                      struct wd_credential **ret);
void wd_credential_free(struct wd_credential *c);
/* done comes from the loop, never from within this call. -ENOMEM. */
int wd_credential_get(struct wd_credential *c, struct wd_credential_wait *w);
void wd_credential_cancel(struct wd_credential *c, struct wd_credential_wait *w);
/* The server refused what was got with that generation: the plugin is asked anew (once for all who
 * were refused together). */
void wd_credential_refused(struct wd_credential *c, uint64_t generation);

#endif
