/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection tracking, asked but never changed: where NAT sent a connection
 * (ctnetlink, IPCTNL_MSG_CT_GET of one tuple), and how often tracking failed
 * (/proc/PID/net/stat/nf_conntrack).
 */
#ifndef WD_NODE_CONNTRACK_H
#define WD_NODE_CONNTRACK_H

#include <stddef.h>
#include <stdint.h>

#include "model/tuple.h"

struct wd_conntrack;

/* Opens a socket to the kernel, in the namespace that this process runs in. Errors of
 * socket(2) and of libnl as negative errno; -EPERM without CAP_NET_ADMIN comes later, with
 * the first question. */
int wd_conntrack_new(struct wd_conntrack **ret);
void wd_conntrack_free(struct wd_conntrack *c);

/*
 * The answering direction of the connection whose first packet had this tuple: *ret is
 * backend -> client as it comes back before NAT is undone, so saddr:sport is the backend
 * that was chosen. -ENOENT: not tracked (any more). Waits 50 ms at most (-ETIMEDOUT).
 */
int wd_conntrack_reply(struct wd_conntrack *c, const struct wd_tuple *orig, struct wd_tuple *ret);

/* The two below are pure, for tests. */

/* Builds the answer out of one netlink attribute stream (behind struct nfgenmsg); -EINVAL. */
int wd_conntrack_parse(const void *attrs, size_t n, int family, struct wd_tuple *ret);
/* Sum over CPUs of a column of net/stat/nf_conntrack (kernel: ct_cpu_seq_show in
 * net/netfilter/nf_conntrack_standalone.c; hexadecimal). -ENOENT: no such column. */
int wd_conntrack_stat(const char *text, size_t n, const char *column, uint64_t *ret);

#endif
