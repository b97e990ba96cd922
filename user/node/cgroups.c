/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cgroups.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

struct walk {
	struct wd_cgroups *c;
	char path[PATH_MAX]; /* below the mount point */
	unsigned int dirs;
	uint64_t deadline;
};

int wd_cgroups_init(struct wd_cgroups *c, const char *host_root)
{
	/* v1 and v2 side by side: systemd mounts v2 at "unified". */
	static const char *const below[2] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < 2; i++) {
		if (asprintf(&c->dirs[i], "%s%s", host_root, below[i]) < 0) {
			c->dirs[i] = NULL;
			wd_cgroups_release(c);
			return -ENOMEM;
		}
	}
	return 0;
}

void wd_cgroups_release(struct wd_cgroups *c)
{
	free(c->v);
	c->v = NULL;
	c->n = c->alloc = 0;
	for (size_t i = 0; i < 2; i++) {
		free(c->dirs[i]);
		c->dirs[i] = NULL;
	}
}

static bool add(struct wd_cgroups *c, uint64_t id, const struct wd_pod_uid *uid,
                const struct wd_container_id *container)
{
	if (c->n == c->alloc) {
		size_t more = c->alloc ? c->alloc * 2 : 256;
		struct wd_cgroup *v = reallocarray(c->v, more, sizeof(*v));

		if (!v)
			return false;
		c->v = v;
		c->alloc = more;
	}
	c->v[c->n++] = (struct wd_cgroup){.id = id, .uid = *uid, .container = *container};
	return true;
}

/* Every directory below fd; false: a limit is reached, stop. */
static bool descend(struct walk *w, int fd, size_t len, unsigned int depth)
{
	DIR *d WD_AUTO_DIR = fdopendir(fd);
	const struct dirent *e;

	if (!d) {
		close(fd);
		return true;
	}
	while ((e = readdir(d))) {
		size_t n = strlen(e->d_name);
		struct wd_container_id container;
		struct wd_pod_uid uid;
		int child;

		if (e->d_type != DT_DIR || e->d_name[0] == '.' || len + n + 2 > sizeof(w->path))
			continue;
		if (++w->dirs > WD_CGROUPS_DIRS_MAX ||
		    (w->dirs % 64 == 0 && wd_clock_monotonic_ns() > w->deadline))
			return false;
		w->path[len] = '/';
		memcpy(w->path + len + 1, e->d_name, n);
		if (wd_podpath_cgroup(w->path, len + 1 + n, &uid, &container) &&
		    !add(w->c, e->d_ino, &uid, &container))
			return false;
		if (depth == WD_CGROUPS_DEPTH_MAX)
			continue;
		child = openat(dirfd(d), e->d_name,
		               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child >= 0 && !descend(w, child, len + 1 + n, depth + 1))
			return false;
	}
	return true;
}

static int cgroup_compare(const void *a, const void *b)
{
	const struct wd_cgroup *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static void walk(struct wd_cgroups *c)
{
	struct walk w = {.c = c};

	w.deadline = wd_clock_monotonic_ns() + WD_CGROUPS_WALK_NS;
	c->n = 0;
	for (size_t i = 0; i < 2; i++) {
		int fd = open(c->dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			continue;
		/* Every v2 hierarchy has this file at its top, and v1 has it nowhere. */
		if (faccessat(fd, "cgroup.controllers", F_OK, 0)) {
			close(fd);
			continue;
		}
		descend(&w, fd, 0, 0);
		break;
	}
	if (c->n)
		qsort(c->v, c->n, sizeof(c->v[0]), cgroup_compare);
}

static bool lookup(const struct wd_cgroups *c, uint64_t id, struct wd_pod_uid *ret,
                   struct wd_container_id *ret_container)
{
	struct wd_cgroup key = {.id = id};
	const struct wd_cgroup *found = NULL;

	if (c->n)
		found = bsearch(&key, c->v, c->n, sizeof(key), cgroup_compare);
	if (found) {
		*ret = found->uid;
		*ret_container = found->container;
	}
	return found;
}

bool wd_cgroups_find(struct wd_cgroups *c, uint64_t id, struct wd_pod_uid *ret,
                     struct wd_container_id *ret_container)
{
	uint64_t now = wd_clock_monotonic_ns();

	if (!id)
		return false;
	if (lookup(c, id, ret, ret_container))
		return true;
	if (!wd_pace_due(&c->pace, now, true))
		return false;
	walk(c);
	wd_pace_done(&c->pace, now);
	return lookup(c, id, ret, ret_container);
}
