/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ladder of each probe point: the ways to attach it, best first, and the programs of
 * each. Which of them a kernel allows is found out by trying (load.h).
 */
#ifndef WD_PROBE_LADDER_H
#define WD_PROBE_LADDER_H

#include "probe/probe.h"

#define WD_RUNGS_MAX         5
#define WD_RUNG_PROGRAMS_MAX 6

struct wd_rung {
	enum wd_way way;
	/* Names in the BPF object; all must attach. One that begins with '?' may be left out
	 * where the kernel does not have its function (IPv6 switched off). Ends with NULL. */
	const char *programs[WD_RUNG_PROGRAMS_MAX + 1];
	const char *lost; /* what this way sees less than the others; NULL nothing */
};

/* Ends with a rung without programs. */
const struct wd_rung *wd_ladder(enum wd_point point);
/* Where lockdown keeps programs from reading kernel memory: false when nothing is left of the
 * point; *ret_lost is what is missing then (NULL: nothing). */
bool wd_ladder_locked_down(enum wd_point point, const char **ret_lost);
/* Index of the rung of this way, -1 when the point has no such way. */
int wd_ladder_find(enum wd_point point, enum wd_way way);
/* The point whose program this is, WD_POINT_MAX when it is none's. */
enum wd_point wd_ladder_point_of(const char *program);

#endif
