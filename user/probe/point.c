/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include <string.h>

#define X(e, name, kind, lost) name,
static const char *const names[] = {WD_POINTS(X)};
#undef X
#define X(e, name, kind, lost) lost,
static const char *const losses[] = {WD_POINTS(X)};
#undef X
#define X(e, name, kind, lost) WD_KIND_##kind,
static const enum wd_point_kind kinds[] = {WD_POINTS(X)};
#undef X
static const char *const ways[] = {"fentry", "tp_btf", "raw_tp", "kprobe", "tracepoint"};

_Static_assert(sizeof(names) / sizeof(names[0]) == WD_POINT_MAX, "points");
_Static_assert(sizeof(ways) / sizeof(ways[0]) == WD_WAY_MAX, "ways");

const char *wd_point_name(enum wd_point p)
{
	return names[p];
}

const char *wd_point_lost(enum wd_point p)
{
	return losses[p];
}

enum wd_point_kind wd_point_kind(enum wd_point p)
{
	return kinds[p];
}

const char *wd_way_name(enum wd_way w)
{
	return w < WD_WAY_MAX ? ways[w] : "none";
}

enum wd_point wd_point_by_name(const char *name)
{
	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		if (strcmp(names[i], name) == 0)
			return (enum wd_point)i;
	return WD_POINT_MAX;
}

enum wd_way wd_way_by_name(const char *name)
{
	for (unsigned int i = 0; i < WD_WAY_MAX; i++)
		if (strcmp(ways[i], name) == 0)
			return (enum wd_way)i;
	return WD_WAY_NONE;
}
