/* SPDX-License-Identifier: Apache-2.0 */
#include "node/podlogs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

int wd_podlogs_init(struct wd_podlogs *p, const char *host_root)
{
	memset(p, 0, sizeof(*p));
	return asprintf(&p->dir, "%s/var/log/pods", host_root) < 0 ? -ENOMEM : 0;
}

static void names_free(struct wd_podlogs *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->names[i]);
	free(p->names);
	p->names = NULL;
	p->n = 0;
}

void wd_podlogs_release(struct wd_podlogs *p)
{
	names_free(p);
	free(p->dir);
	p->dir = NULL;
}

static const char *name_uid(const char *name)
{
	const char *at = strrchr(name, '_');

	return at ? at + 1 : "";
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(name_uid(*(char *const *)a), name_uid(*(char *const *)b));
}

static void dir_read(struct wd_podlogs *p)
{
	DIR *d WD_AUTO_DIR = opendir(p->dir);
	const struct dirent *e;

	while (d && p->n < WD_PODLOGS_MAX && (e = readdir(d))) {
		struct wd_pod_ref ref;
		struct wd_pod_uid uid;
		char **grown;

		if (!wd_podpath_log_dir(e->d_name, &ref, &uid))
			continue;
		grown = reallocarray(p->names, p->n + 1, sizeof(*grown));
		if (!grown)
			return;
		p->names = grown;
		p->names[p->n] = strdup(e->d_name);
		if (!p->names[p->n])
			return;
		p->n++;
	}
	if (p->n)
		qsort(p->names, p->n, sizeof(p->names[0]), name_compare);
}

static bool lookup(const struct wd_podlogs *p, const struct wd_pod_uid *uid, struct wd_pod_ref *ret)
{
	size_t lo = 0, hi = p->n;
	struct wd_pod_uid same;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(name_uid(p->names[mid]), uid->text) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == p->n || strcmp(name_uid(p->names[lo]), uid->text))
		return false;
	if (lo + 1 < p->n && !strcmp(name_uid(p->names[lo + 1]), uid->text))
		return false;
	return wd_podpath_log_dir(p->names[lo], ret, &same);
}

bool wd_podlogs_find(struct wd_podlogs *p, const struct wd_pod_uid *uid, struct wd_pod_ref *ret)
{
	uint64_t now = wd_clock_monotonic_ns();

	if (lookup(p, uid, ret))
		return true;
	if (!wd_pace_due(&p->pace, now, true))
		return false;
	names_free(p);
	dir_read(p);
	wd_pace_done(&p->pace, now);
	return lookup(p, uid, ret);
}
