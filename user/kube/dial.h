/* SPDX-License-Identifier: Apache-2.0 */
/* From a configuration to an open connection: name, TCP, proxy, TLS, each with its deadline and its
 * words when it fails. */
#ifndef WD_KUBE_DIAL_H
#define WD_KUBE_DIAL_H

#include "kube/config.h"
#include "kube/credential.h"
#include "kube/failure.h"
#include "kube/link.h"
#include "kube/times.h"
#include "kube/tls.h"

struct event_base;
struct wd_dial;

/* What connections of one client share; borrowed. */
struct wd_dial_env {
	struct event_base *loop;
	const struct wd_kube_config *config;
	const struct wd_kube_times *times;
	struct wd_tls *tls;
	const char *host_root;
};

/* link: the callee's to take (its fd and ssl); NULL: see failure. Called from the loop; the dial
 * may be freed in it. */
typedef void wd_dial_done(struct wd_link *link, const struct wd_kube_failure *f, void *ctx);

/* -ENOMEM. */
int wd_dial_start(const struct wd_dial_env *env, const struct wd_identity *id, wd_dial_done *done,
                  void *ctx, struct wd_dial **ret);
void wd_dial_free(struct wd_dial *d);

#endif
