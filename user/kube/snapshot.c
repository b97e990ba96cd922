/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a snapshot. */
#include "kube/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "kube/objects.h"
#include "kube/split.h"

#define READ_BYTES (256u << 10)

struct reader {
	const char *dir;
	struct wd_store *store;
	struct wd_parse *parse;
	char *bytes; /* READ_BYTES */
	struct wd_snapshot_gaps gaps;

	/* of the file at hand */
	enum wd_resource kind;
	char name[64];
	uint64_t items, skipped;
	char problem[WD_SNAPSHOT_ERRLEN]; /* the first */
	int error;                        /* of the store; ends it all */
};

static __attribute__((format(printf, 2, 3))) void problem(struct reader *r, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (r->problem[0])
		return;
	n = snprintf(r->problem, sizeof(r->problem), "%s/%s", r->dir, r->name);
	if (n < 0 || (size_t)n >= sizeof(r->problem))
		return;
	va_start(ap, fmt);
	vsnprintf(r->problem + n, sizeof(r->problem) - (size_t)n, fmt, ap);
	va_end(ap);
}

/* ---- items ------------------------------------------------------------------------------- */

static int item_read(const char *json, size_t n, void *ctx)
{
	struct reader *r = ctx;
	unsigned long long at = r->items++;
	char err[WD_PARSE_ERRLEN];
	struct wd_object o;
	int e = wd_parse_object(r->parse, r->kind, json, n, &o, err);

	if (e == -EPROTO) {
		r->skipped++;
		problem(r, ": item %llu: %s", at, err);
		return 0;
	}
	if (!e)
		e = wd_store_put(r->store, &o);
	if (e == -ENOSPC) {
		problem(r, ": item %llu: more than %u are not kept", at, WD_STORE_OBJECTS_MAX);
		return e;
	}
	r->error = e;
	return e;
}

/* ---- the envelope ------------------------------------------------------------------------ */

static bool is_list_kind(enum wd_resource kind, const char *list)
{
	size_t n = strlen(list);

	if (!strcmp(list, "List"))
		return true;
	if (kind == WD_RESOURCE_NAMESPACE && !strcmp(list, "PartialObjectMetadataList"))
		return true;
	return n > 4 && !strcmp(list + n - 4, "List") && wd_resource_of_kind(list) == kind;
}

enum verdict {
	FOREIGN, /* what was read is not of this kind */
	PARTIAL,
	COMPLETE,
};

static enum verdict envelope_check(struct reader *r, const struct wd_split *split)
{
	struct wd_kube_envelope e;
	char err[WD_PARSE_ERRLEN];
	const char *json;
	size_t n;

	json = wd_split_envelope(split, &n);
	if (wd_parse_envelope(r->parse, json, n, &e, err)) {
		problem(r, ": %s", err);
		return FOREIGN;
	}
	if (!strcmp(e.kind, "Status")) {
		problem(r, ": holds an answer of the server instead: %d %s: %s", e.status.code,
		        e.status.reason, e.status.message);
		return FOREIGN;
	}
	if (!is_list_kind(r->kind, e.kind)) {
		problem(r, ": kind: \"%s\" where a list of %s should be", e.kind,
		        wd_resource_plural(r->kind));
		return FOREIGN;
	}
	if (e.next[0]) {
		problem(r, ": one page of a longer list (metadata.continue)");
		return PARTIAL;
	}
	return COMPLETE;
}

/* ---- files ------------------------------------------------------------------------------- */

static enum verdict stream(struct reader *r, int fd, struct wd_split *split)
{
	ssize_t n;
	int e = 0;

	while (!e && (n = read(fd, r->bytes, READ_BYTES)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			problem(r, ": %s", strerror(errno));
			return PARTIAL;
		}
		e = wd_split_feed(split, r->bytes, (size_t)n);
	}
	if (!e)
		e = wd_split_end(split);
	r->skipped += wd_split_skipped(split);
	if (wd_split_skipped(split))
		problem(r, ": an item is longer than %u bytes", WD_SPLIT_VALUE_MAX);
	if (e == -EPROTO) {
		/* it matters more than any item */
		r->problem[0] = '\0';
		problem(r, ": %s", wd_split_error(split));
	}
	if (e == -ENOMEM)
		r->error = e;
	return e ? PARTIAL : envelope_check(r, split);
}

static int file_open(struct reader *r, int dir, struct stat *ret)
{
	const struct wd_snapshot_gap *gap = wd_snapshot_gap_find(&r->gaps, r->name);
	int fd WD_AUTO_FD = openat(dir, r->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && gap)
		problem(r, " is not there: %s", gap->reason);
	else if (fd < 0 && errno == ENOENT)
		problem(r, " is not there");
	else if (fd < 0 && errno == ELOOP)
		problem(r, " is a symbolic link, which is not followed");
	else if (fd < 0 || fstat(fd, ret))
		problem(r, ": %s", strerror(errno));
	else if (!S_ISREG(ret->st_mode))
		problem(r, " is not a plain file");
	else
		return wd_take_fd(fd);
	return -1;
}

static void state_set(struct reader *r, enum verdict v, const struct stat *st)
{
	const struct wd_snapshot_gap *gap = wd_snapshot_gap_find(&r->gaps, r->name);
	struct wd_store_state state = {
		.complete = v == COMPLETE,
		.node_only = gap && gap->partial,
		.skipped = r->skipped,
	};

	if (v != FOREIGN)
		state.as_of_ns = (uint64_t)st->st_mtim.tv_sec * WD_NSEC_PER_SEC +
		                 (uint64_t)st->st_mtim.tv_nsec;
	if (state.node_only)
		problem(r, ": %s", gap->reason);
	state.problem = r->problem[0] ? r->problem : NULL;
	wd_store_set_state(r->store, r->kind, &state);
}

static int file_read(struct reader *r, int dir, enum wd_resource kind, struct wd_split *split)
{
	struct stat st = {0};
	enum verdict v = FOREIGN;
	int fd WD_AUTO_FD = -1;

	r->kind = kind;
	r->items = r->skipped = 0;
	r->problem[0] = '\0';
	snprintf(r->name, sizeof(r->name), "%s.json", wd_resource_plural(kind));
	wd_split_reset(split);
	fd = file_open(r, dir, &st);
	if (fd >= 0) {
		wd_store_resync_begin(r->store, kind);
		v = stream(r, fd, split);
		wd_store_resync_end(r->store, kind, v == COMPLETE);
	}
	/* Items need not name their kind, so those of another resource may have passed for
	 * this one: an empty list puts them out again. */
	if (v == FOREIGN && fd >= 0) {
		wd_store_resync_begin(r->store, kind);
		wd_store_resync_end(r->store, kind, true);
	}
	state_set(r, v, &st);
	return r->error;
}

static int files_read(struct reader *r, int dir)
{
	struct wd_split *split = NULL;
	int e = wd_split_new(WD_SPLIT_LIST, item_read, r, &split);

	for (int k = 0; !e && k < WD_RESOURCE_MAX; k++)
		e = file_read(r, dir, (enum wd_resource)k, split);
	wd_split_free(split);
	return e;
}

int wd_snapshot_read(const char *dir, struct wd_store *store, char err[WD_SNAPSHOT_ERRLEN])
{
	char *bytes WD_AUTO_FREE = NULL;
	struct reader r = {.dir = dir, .store = store};
	int fd WD_AUTO_FD = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), e;

	if (fd < 0) {
		e = -errno;
		snprintf(err, WD_SNAPSHOT_ERRLEN, "%s: %s", dir, strerror(-e));
		return e;
	}
	snprintf(err, WD_SNAPSHOT_ERRLEN, "%s: %s", dir, strerror(ENOMEM));
	r.bytes = bytes = malloc(READ_BYTES);
	if (!bytes)
		return -ENOMEM;
	e = wd_parse_new(&r.parse);
	if (e)
		return e;
	/* an unreadable MISSING costs reasons only */
	e = wd_snapshot_gaps_read(dir, &r.gaps);
	if (e != -ENOMEM)
		e = files_read(&r, fd);
	wd_snapshot_gaps_release(&r.gaps);
	wd_parse_free(r.parse);
	return e;
}
