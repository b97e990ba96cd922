/* SPDX-License-Identifier: Apache-2.0 */
#include "node/memlimit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "node/lines.h"
#include "node/procfs.h"

#define TEXT_MAX (16u << 10)

static bool goes_up(const struct wd_span *path)
{
	static const char up[] = "/..";

	return memmem(path->p, path->n, up, sizeof(up) - 1);
}

/* Takes what stands before the next colon off rest. */
static bool field(struct wd_span *rest, struct wd_span *ret)
{
	const char *colon = rest->n ? memchr(rest->p, ':', rest->n) : NULL;

	if (!colon)
		return false;
	*ret = wd_span(rest->p, (size_t)(colon - rest->p));
	rest->p += ret->n + 1;
	rest->n -= ret->n + 1;
	return true;
}

/* "memory", alone or among controllers of one hierarchy: "cpu,memory" */
static bool has_memory(struct wd_span list)
{
	while (list.n) {
		const char *comma = memchr(list.p, ',', list.n);
		struct wd_span one = wd_span(list.p, comma ? (size_t)(comma - list.p) : list.n);

		if (wd_span_is(&one, "memory"))
			return true;
		list.p += one.n + (comma != NULL);
		list.n -= one.n + (comma != NULL);
	}
	return false;
}

int wd_memlimit_cgroup(const char *text, size_t n, char *ret, size_t size, bool *ret_v1)
{
	struct wd_span rest = wd_span(text, n), line, id, list, path = {0};
	bool v1 = false;

	while (!v1 && wd_span_line(&rest, &line)) {
		if (!field(&line, &id) || !field(&line, &list))
			continue;
		v1 = has_memory(list);
		if (v1 || (wd_span_is(&id, "0") && !list.n))
			path = line;
	}
	if (!path.p)
		return -ENOENT;
	if (!path.n || path.p[0] != '/' || goes_up(&path) || memchr(path.p, '\0', path.n))
		return -EINVAL;
	if (path.n == 1)
		path.n = 0;
	if (path.n >= size)
		return -ENAMETOOLONG;
	memcpy(ret, path.p, path.n);
	ret[path.n] = '\0';
	*ret_v1 = v1;
	return 0;
}

int wd_memlimit_value(const char *text, size_t n, uint64_t *ret)
{
	struct wd_span rest = wd_span(text, n), line;

	if (!wd_span_line(&rest, &line))
		return -EINVAL;
	if (wd_span_is(&line, "max")) {
		*ret = UINT64_MAX;
		return 0;
	}
	return wd_span_number(&line, 10, UINT64_MAX, ret) ? 0 : -EINVAL;
}

static int read_text(const char *path, struct wd_buf *b)
{
	wd_buf_init(b, TEXT_MAX);
	return wd_procfs_read(AT_FDCWD, path, b) == 0 && b->len ? 0 : -ENOENT;
}

static int read_value(const char *sys, const char *cgroup, bool v1, uint64_t *ret)
{
	struct wd_buf b wd_cleanup(wd_buf_release);
	char path[PATH_MAX];

	wd_buf_init(&b, TEXT_MAX);
	if ((size_t)snprintf(path, sizeof(path), "%s/fs/cgroup%s%s/%s", sys, v1 ? "/memory" : "",
	                     cgroup, v1 ? "memory.limit_in_bytes" : "memory.max") >= sizeof(path))
		return -ENAMETOOLONG;
	return read_text(path, &b) ? -ENOENT : wd_memlimit_value(b.data, b.len, ret);
}

uint64_t wd_memlimit_read(const char *proc, const char *sys)
{
	struct wd_buf b wd_cleanup(wd_buf_release);
	char path[PATH_MAX], cgroup[PATH_MAX / 2];
	uint64_t v;
	bool v1;

	wd_buf_init(&b, TEXT_MAX);
	if ((size_t)snprintf(path, sizeof(path), "%s/self/cgroup", proc) >= sizeof(path) ||
	    read_text(path, &b) ||
	    wd_memlimit_cgroup(b.data, b.len, cgroup, sizeof(cgroup), &v1) < 0)
		return UINT64_MAX;
	/* Without a cgroup namespace the path is the node's, but the container's mount begins at
	 * its own cgroup. */
	if (read_value(sys, cgroup, v1, &v) < 0 && read_value(sys, "", v1, &v) < 0)
		return UINT64_MAX;
	return v;
}
