/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credential plugins (client.authentication.k8s.io): a child without a shell and without a
 * terminal, whose answer is waited for on the event loop, with a deadline and a cap.
 */
#ifndef WD_KUBE_EXEC_H
#define WD_KUBE_EXEC_H

#include <stddef.h>
#include <stdint.h>

#include "kube/config.h"

struct event_base;
struct wd_exec;

#define WD_EXEC_OUTPUT_MAX (256u << 10)
#define WD_EXEC_MS         30000

/* What a plugin gives: a token, or a certificate and its key, or both. */
struct wd_exec_credential {
	char *token, *cert, *key; /* NULL: absent */
	int64_t expires;          /* seconds since 1970; 0: for as long as the process lives */
};
void wd_exec_credential_release(struct wd_exec_credential *c);
/* -EPROTO, with err. Pure. */
int wd_exec_credential_parse(const char *json, size_t n, const char *api_version,
                             struct wd_exec_credential *ret, char err[WD_KUBE_ERRLEN]);

/* err 0: `credential` is the callee's to take. Else words is why. It has ended by then; free it. */
typedef void wd_exec_done(int err, struct wd_exec_credential *credential, const char *words,
                          void *ctx);

/* done is called from the loop, unless wd_exec_free() comes first, which ends the child.
 * Negative errno of starting it, -ENOENT: no such command. */
int wd_exec_start(struct event_base *loop, const struct wd_kube_config *config,
                  unsigned int deadline_ms, wd_exec_done *done, void *ctx, struct wd_exec **ret);
void wd_exec_free(struct wd_exec *x);

#endif
