/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One name to its addresses, by libevent's resolver: glibc's would load shared libraries into a
 * static binary. Each lookup reads resolv.conf and hosts anew, so that a change of them counts at
 * once. It has a small loop of its own, which the caller's loop drives by a timer while the
 * lookup lasts: libevent's resolver can only be torn down cleanly by running its loop.
 */
#ifndef WD_KUBE_RESOLVE_H
#define WD_KUBE_RESOLVE_H

#include "base/addr.h"

struct event_base;
struct wd_lookup;

#define WD_LOOKUP_ADDRS 16

/* n 0: words is why, without the name. Called from the loop; the lookup may be freed in it. */
typedef void wd_lookup_done(const struct wd_addr *v, unsigned int n, const char *words, void *ctx);

/* host_root: NULL or where /etc/resolv.conf and /etc/hosts are. It has no deadline: see
 * wd_lookup_free(). -ENOMEM, -EIO. */
int wd_lookup_start(struct event_base *loop, const char *host_root, const char *name,
                    wd_lookup_done *done, void *ctx, struct wd_lookup **ret);
void wd_lookup_free(struct wd_lookup *l);

#endif
