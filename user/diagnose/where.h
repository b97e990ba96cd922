/* SPDX-License-Identifier: Apache-2.0 */
/* What the packet hooks say of one attempt, device by device. Used by where.c only. */
#ifndef WD_DIAGNOSE_WHERE_H
#define WD_DIAGNOSE_WHERE_H

#include "diagnose/case.h"

#define WD_POSTS_MAX 16

struct wd_post {
	uint32_t ifindex;
	const char *name;
	const char *role; /* as in struct wd_finding_path */
	bool watched;
	bool foreign;                               /* BPF programs of others are there, too */
	unsigned int expected;                      /* SYNs that were sent while it was watched */
	uint64_t watched_ms;                        /* of the attempt's time */
	const struct wd_flow_sight *in, *out, *xdp; /* NULL: nothing was seen there */
};

struct wd_where {
	struct wd_post v[WD_POSTS_MAX];
	unsigned int n;
	struct wd_post *client, *backend, *uplink; /* NULL: there is none, or it is not known */
};

#endif
