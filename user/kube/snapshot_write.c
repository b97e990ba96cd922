/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a snapshot. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "kube/outfile.h"
#include "kube/snapshot.h"
#include "kube/split.h"

#define REASON_MAX 1000

struct wd_snapshot_writer {
	char *dir;
	int fd;
	struct wd_outfile lists[WD_RESOURCE_MAX];
	bool open[WD_RESOURCE_MAX], any[WD_RESOURCE_MAX];
	struct wd_buf missing;
	unsigned int n_missing;
	char err[WD_SNAPSHOT_ERRLEN];
};

static int fail(struct wd_snapshot_writer *w, const char *name, int e)
{
	if (e)
		snprintf(w->err, sizeof(w->err), "%s/%s: %s", w->dir, name, strerror(-e));
	return e;
}

const char *wd_snapshot_error(const struct wd_snapshot_writer *w)
{
	return w->err;
}

/* ---- the directory ----------------------------------------------------------------------- */

static bool is_empty(int fd)
{
	DIR *d WD_AUTO_DIR = NULL;
	const struct dirent *e;
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (again < 0)
		return false;
	d = fdopendir(again);
	if (!d) {
		close(again);
		return false;
	}
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			return false;
	return true;
}

static int dir_check(int fd, const char **ret_why)
{
	struct stat st;

	if (fstat(fd, &st)) {
		*ret_why = strerror(errno);
		return -errno;
	}
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH)) {
		*ret_why = "another user may write to this directory; name a new one";
		return -EPERM;
	}
	if (!is_empty(fd)) {
		*ret_why = "this directory is not empty; name a new one";
		return -ENOTEMPTY;
	}
	return 0;
}

int wd_snapshot_create(const char *dir, struct wd_snapshot_writer **ret,
                       char err[WD_SNAPSHOT_ERRLEN])
{
	struct wd_snapshot_writer *w;
	int fd WD_AUTO_FD = -1, e = 0;
	const char *why = NULL;

	if (mkdir(dir, 0700) && errno != EEXIST)
		e = -errno;
	if (!e)
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (!e && fd < 0)
		e = -errno;
	if (!e)
		e = dir_check(fd, &why);
	if (e) {
		snprintf(err, WD_SNAPSHOT_ERRLEN, "%s: %s", dir, why ? why : strerror(-e));
		return e;
	}
	w = calloc(1, sizeof(*w));
	if (w)
		w->dir = strdup(dir);
	if (!w || !w->dir) {
		free(w);
		snprintf(err, WD_SNAPSHOT_ERRLEN, "%s: %s", dir, strerror(ENOMEM));
		return -ENOMEM;
	}
	w->fd = wd_take_fd(fd);
	wd_buf_init(&w->missing, (size_t)WD_SNAPSHOT_MISSING_MAX * 4 * REASON_MAX);
	*ret = w;
	return 0;
}

void wd_snapshot_free(struct wd_snapshot_writer *w)
{
	if (!w)
		return;
	for (int r = 0; r < WD_RESOURCE_MAX; r++)
		wd_snapshot_abort(w, (enum wd_resource)r);
	wd_buf_release(&w->missing);
	close(w->fd);
	free(w->dir);
	free(w);
}

/* A whole file of one component. */
static int file_put(int dir, const char *name, const void *bytes, size_t n)
{
	const char *p = bytes;
	struct wd_outfile f;
	int e = wd_outfile_open(&f, dir, name);

	if (e)
		return e;
	while (!e && n) {
		size_t some = n < WD_SPLIT_VALUE_MAX ? n : WD_SPLIT_VALUE_MAX;

		wd_buf_put(&f.buf, p, some);
		e = wd_outfile_flush(&f);
		p += some;
		n -= some;
	}
	return wd_outfile_commit(&f);
}

int wd_snapshot_finish(struct wd_snapshot_writer *w)
{
	int e = w->missing.err;

	if (!e && w->missing.len)
		e = file_put(w->fd, "MISSING", w->missing.data, w->missing.len);
	if (!e && fsync(w->fd))
		e = -errno;
	return fail(w, "MISSING", e);
}

/* ---- what is not there ------------------------------------------------------------------- */

static void visible(struct wd_buf *b, const char *text)
{
	size_t n = strlen(text);

	wd_text_escape(b, text, n < REASON_MAX ? n : REASON_MAX);
}

static int missing_add(struct wd_snapshot_writer *w, char mark, const char *name,
                       const char *reason, const char *more)
{
	if (w->n_missing == WD_SNAPSHOT_MISSING_MAX)
		return -ENOSPC;
	w->n_missing++;
	wd_buf_printf(&w->missing, "%c ", mark);
	visible(&w->missing, name);
	wd_buf_puts(&w->missing, ": ");
	visible(&w->missing, reason);
	visible(&w->missing, more);
	wd_buf_putc(&w->missing, '\n');
	return w->missing.err;
}

int wd_snapshot_missing(struct wd_snapshot_writer *w, const char *name, const char *reason)
{
	return missing_add(w, '-', name, reason, "");
}

static void list_name(enum wd_resource r, char ret[64])
{
	snprintf(ret, 64, "%s.json", wd_resource_plural(r));
}

int wd_snapshot_missing_list(struct wd_snapshot_writer *w, enum wd_resource r, const char *reason)
{
	char name[64];

	list_name(r, name);
	return missing_add(w, '-', name, reason, "");
}

int wd_snapshot_node_only(struct wd_snapshot_writer *w, enum wd_resource r, const char *node)
{
	char name[64];

	list_name(r, name);
	return missing_add(w, '~', name, "only those of node ", node);
}

/* ---- lists ------------------------------------------------------------------------------- */

int wd_snapshot_begin(struct wd_snapshot_writer *w, enum wd_resource r)
{
	struct wd_outfile *f = &w->lists[r];
	char name[64];
	int e;

	list_name(r, name);
	if (w->open[r])
		return fail(w, name, -EBUSY);
	e = wd_outfile_open(f, w->fd, name);
	if (e)
		return fail(w, name, e);
	w->open[r] = true;
	w->any[r] = false;
	wd_buf_puts(&f->buf, "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[");
	return 0;
}

/* The string that begins at its quote: what follows it. */
static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\' && end - p > 1)
			p++;
	return p < end ? p + 1 : end;
}

/* Whether an object has a member of this name (with its quotes). At depth 1, what follows { or
 * a comma is a key. */
static bool has_member(const char *json, size_t n, const char *name)
{
	const char *p = json, *end = json + n, *to;
	bool at_key = false;
	int depth = 0;

	while (p < end) {
		switch (*p) {
		case '"':
			to = string_end(p, end);
			if (at_key && (size_t)(to - p) == strlen(name) &&
			    !memcmp(p, name, strlen(name)))
				return true;
			at_key = false;
			p = to;
			continue;
		case '{':
		case '[':
			depth++;
			at_key = depth == 1;
			break;
		case '}':
		case ']':
			depth--;
			break;
		case ',':
			at_key = depth == 1;
			break;
		default:
			break;
		}
		p++;
	}
	return false;
}

/* What the item lacks, and the comma before its own members. */
static void type_put(struct wd_buf *b, enum wd_resource r, const char *json, size_t n)
{
	const char *path = wd_resource_path(r);
	size_t before = b->len;
	bool bare = json[1 + strspn(json + 1, " \t\r\n")] == '}';

	path += strncmp(path, "/apis/", 6) ? strlen("/api/") : strlen("/apis/");
	if (!has_member(json, n, "\"apiVersion\""))
		wd_buf_printf(b, "\"apiVersion\":\"%s\"", path);
	if (!has_member(json, n, "\"kind\""))
		wd_buf_printf(b, "%s\"kind\":\"%s\"", b->len > before ? "," : "",
		              wd_resource_kind(r));
	if (b->len > before && !bare)
		wd_buf_putc(b, ',');
}

int wd_snapshot_item(struct wd_snapshot_writer *w, enum wd_resource r, const char *json, size_t n)
{
	struct wd_outfile *f = &w->lists[r];
	char name[64];

	list_name(r, name);
	if (!w->open[r] || n < 2 || n > WD_SPLIT_VALUE_MAX || json[0] != '{' || json[n - 1] != '}')
		return fail(w, name, -EINVAL);
	wd_buf_puts(&f->buf, w->any[r] ? ",\n{" : "\n{");
	w->any[r] = true;
	type_put(&f->buf, r, json, n);
	wd_buf_put(&f->buf, json + 1, n - 1);
	return fail(w, name, wd_outfile_flush(f));
}

int wd_snapshot_end(struct wd_snapshot_writer *w, enum wd_resource r)
{
	struct wd_outfile *f = &w->lists[r];
	char name[64];

	list_name(r, name);
	if (!w->open[r])
		return fail(w, name, -EINVAL);
	w->open[r] = false;
	wd_buf_puts(&f->buf, "\n],\"metadata\":{\"resourceVersion\":\"\"}}\n");
	return fail(w, name, wd_outfile_commit(f));
}

void wd_snapshot_abort(struct wd_snapshot_writer *w, enum wd_resource r)
{
	if (w->open[r])
		wd_outfile_abort(&w->lists[r]);
	w->open[r] = false;
}

/* ---- other files ------------------------------------------------------------------------- */

/* Only plain components, and below node/. */
static bool name_is_safe(const char *name)
{
	const char *p = name;

	if (strncmp(name, "node/", 5) || strlen(name) >= PATH_MAX)
		return false;
	for (;;) {
		size_t n = strcspn(p, "/");

		if (!n || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
		if (!*p++)
			return true;
	}
}

/* Goes down into the next directory of the path, which is made if need be. */
static int step_into(int dir, const char *name, int *ret)
{
	int fd;

	if (mkdirat(dir, name, 0700) && errno != EEXIST)
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

int wd_snapshot_file(struct wd_snapshot_writer *w, const char *name, const void *bytes, size_t n)
{
	char *path WD_AUTO_FREE = NULL, *rest, *part, *slash;
	int at WD_AUTO_FD = -1, next = -1, e;

	if (!name_is_safe(name))
		return fail(w, name, -EINVAL);
	path = strdup(name);
	at = fcntl(w->fd, F_DUPFD_CLOEXEC, 3);
	if (!path || at < 0)
		return fail(w, name, path ? -errno : -ENOMEM);
	for (rest = path; (slash = strchr(rest, '/')); rest = slash + 1) {
		part = rest;
		*slash = '\0';
		e = step_into(at, part, &next);
		if (e)
			return fail(w, name, e);
		close(at);
		at = next;
	}
	return fail(w, name, file_put(at, rest, bytes, n));
}
