/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process may do, and in words what it loses by what it may not.
 *
 * Capabilities only (the effective set in /proc/self/status, and the user namespace in
 * which they hold): a security module can still refuse what they allow. So the answer
 * explains a failure; it is no reason to skip trying.
 */
#ifndef WD_NODE_PRIVILEGES_H
#define WD_NODE_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WD_PRIVILEGES_MAX 8

struct wd_privilege {
	const char *name; /* "CAP_BPF", or "the initial user namespace" */
	const char *cost; /* what is lost without it, a clause in lower case */
};

/* Static texts, nothing to free. */
struct wd_privileges {
	struct wd_privilege required[WD_PRIVILEGES_MAX]; /* missing, and nothing works */
	unsigned int n_required;
	struct wd_privilege optional[WD_PRIVILEGES_MAX]; /* missing, and something is lost */
	unsigned int n_optional;
};

/* Fills *ret with what is missing. Returns the number of missing required privileges
 * (0: it can run), or negative errno when /proc/self/status cannot be read. */
int wd_privileges_missing(struct wd_privileges *ret);

/* The same from an effective set; pure. initial_user_ns: capabilities count for the
 * kernel as a whole, not only inside a container's user namespace. */
int wd_privileges_missing_of(uint64_t effective, bool initial_user_ns, struct wd_privileges *ret);

/* CapEff of the text of /proc/PID/status (kernel: fs/proc/array.c, task_cap); -EINVAL. */
int wd_privileges_parse(const char *text, size_t n, uint64_t *ret);

#endif
