/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the last known state. */
#include "kube/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "kube/parse.h"
#include "kube/split.h"

#define READ_BYTES (256u << 10)

struct loader {
	struct wd_store *store;
	struct wd_parse *parse;
	struct wd_split *split;
	struct wd_state_info info;
	uint64_t line;
	bool has_header, ended;

	/* the resource at hand */
	enum wd_resource kind;
	bool had[WD_RESOURCE_MAX];
	uint64_t objects, on_demand; /* yet to come */
	struct wd_store_state state;
	char *problem;

	char err[WD_STATE_ERRLEN];
};

static __attribute__((format(printf, 2, 3))) int fail(struct loader *l, const char *fmt, ...)
{
	int n = snprintf(l->err, sizeof(l->err), "line %llu: ", (unsigned long long)l->line);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->err + n, sizeof(l->err) - (size_t)n, fmt, ap);
	va_end(ap);
	return -EPROTO;
}

/* ---- the header -------------------------------------------------------------------------- */

static int api_servers_read(struct loader *l, const struct wd_field *o)
{
	struct wd_field list = wd_field_array(l->parse, o, "api_servers");
	struct wd_api_server v[WD_STORE_API_MAX];
	unsigned int n = 0;

	for (size_t i = 0; i < wd_field_size(&list) && n < WD_STORE_API_MAX; i++) {
		struct wd_field one = wd_field_object_at(l->parse, &list, i);
		const char *ip = wd_field_string(l->parse, &one, "ip");
		uint64_t port = wd_field_count(l->parse, &one, "port");

		v[n] = (struct wd_api_server){
			.name = wd_field_string(l->parse, &one, "name"),
			.source = "last known state",
			.port = (uint16_t)port,
		};
		if (wd_addr_parse(ip, &v[n].ip) || port > 65535)
			return fail(l, "api_servers[%zu]: not an address and a port", i);
		n++;
	}
	return wd_store_set_api_servers(l->store, v, n);
}

/* A name that is too long is no name. */
static bool name_read(struct loader *l, const struct wd_field *o, const char *key, char *ret,
                      size_t size)
{
	const char *text = wd_field_string(l->parse, o, key);

	return (size_t)snprintf(ret, size, "%s", text) < size;
}

static int header_read(struct loader *l, const struct wd_field *o)
{
	struct wd_field version = wd_field_any(l->parse, o, "whydrop_state");
	json_int_t v = json_integer_value(version.json);

	if (!json_is_integer(version.json) || v < 1)
		return fail(l, "not a state of whydrop");
	if (v > WD_STATE_VERSION)
		return fail(l, "of a later whydrop (version %lld, this one knows %d)", (long long)v,
		            WD_STATE_VERSION);
	l->has_header = true;
	l->info.saved_ns = wd_field_count(l->parse, o, "saved_ns");
	if (!name_read(l, o, "node", l->info.node, sizeof(l->info.node)) ||
	    !name_read(l, o, "server", l->info.server, sizeof(l->info.server)))
		return fail(l, "a name is too long");
	return api_servers_read(l, o);
}

/* ---- resources --------------------------------------------------------------------------- */

static enum wd_resource resource_of(const char *plural)
{
	for (int r = 0; r < WD_RESOURCE_MAX; r++)
		if (!strcmp(plural, wd_resource_plural((enum wd_resource)r)))
			return (enum wd_resource)r;
	return WD_RESOURCE_MAX;
}

static int resource_read(struct loader *l, const struct wd_field *o)
{
	struct wd_parse *p = l->parse;
	const char *problem = wd_field_string(p, o, "problem");

	l->kind = resource_of(wd_field_string(p, o, "resource"));
	if (l->kind == WD_RESOURCE_MAX)
		return fail(l, "resource: not one that is known");
	if (l->had[l->kind])
		return fail(l, "resource: %s for a second time", wd_resource_plural(l->kind));
	l->had[l->kind] = true;
	l->state = (struct wd_store_state){
		.complete = wd_field_bool(p, o, "complete", false),
		.node_only = wd_field_bool(p, o, "node_only", false),
		.absent = wd_field_bool(p, o, "absent", false),
		.as_of_ns = wd_field_count(p, o, "as_of_ns"),
		.skipped = wd_field_count(p, o, "skipped"),
	};
	l->objects = wd_field_count(p, o, "objects");
	l->on_demand = wd_field_count(p, o, "on_demand");
	free(l->problem);
	l->problem = NULL;
	if (!problem[0])
		return 0;
	l->problem = strdup(problem);
	return l->problem ? 0 : -ENOMEM;
}

static int resource_end(struct loader *l)
{
	l->state.problem = l->problem;
	wd_store_set_state(l->store, l->kind, &l->state);
	l->kind = WD_RESOURCE_MAX;
	return 0;
}

static int object_read(struct loader *l, const char *json, size_t n)
{
	char err[WD_PARSE_ERRLEN];
	struct wd_object o;
	int e;

	if (n == 2) {
		/* state_save.c, write_one() */
		l->state.skipped++;
	} else {
		e = wd_parse_object(l->parse, l->kind, json, n, &o, err);
		if (e == -EPROTO)
			return fail(l, "%s: %s", wd_resource_plural(l->kind), err);
		if (e)
			return e;
		if (l->kind == WD_RESOURCE_POD)
			o.pod.on_demand = !l->objects;
		e = wd_store_put(l->store, &o);
		if (e == -ENOSPC)
			return fail(l, "%s: too many", wd_resource_plural(l->kind));
		if (e)
			return e;
	}
	if (l->objects)
		l->objects--;
	else
		l->on_demand--;
	return 0;
}

/* ---- lines ------------------------------------------------------------------------------- */

/* Anything but an object of the model. */
static int meta_read(struct loader *l, const char *json, size_t n)
{
	struct wd_field o = {.key = ""};
	int e = wd_parse_load(l->parse, json, n);

	if (e == -EPROTO)
		return fail(l, "%s", l->parse->err);
	if (e)
		return e;
	o.json = l->parse->root;
	if (!l->has_header)
		e = header_read(l, &o);
	else if (json_object_get(o.json, "end"))
		l->ended = true;
	else
		e = resource_read(l, &o);
	/* the first thing of a wrong type */
	return l->parse->error == -EPROTO ? fail(l, "%s", l->parse->err) : e;
}

static int line_read(const char *json, size_t n, void *ctx)
{
	struct loader *l = ctx;
	int e;

	l->line++;
	if (l->ended)
		return fail(l, "something after the end");
	e = l->objects || l->on_demand ? object_read(l, json, n) : meta_read(l, json, n);
	if (!e && l->kind != WD_RESOURCE_MAX && !l->objects && !l->on_demand)
		e = resource_end(l);
	return e;
}

static int feed(struct loader *l, const char *bytes, size_t n)
{
	int e = wd_split_feed(l->split, bytes, n);

	if (e == -EPROTO && !l->err[0]) {
		l->line++;
		fail(l, "%s", wd_split_error(l->split));
	}
	return e;
}

static int finish(struct loader *l)
{
	int e = wd_split_end(l->split);

	l->line++;
	if (e == -EPROTO)
		return fail(l, "%s", wd_split_error(l->split));
	if (!e && wd_split_skipped(l->split))
		return fail(l, "an object is too long");
	if (!e && !l->ended)
		return fail(l, "it ends too early");
	return e;
}

/* ---- loading ----------------------------------------------------------------------------- */

static int loader_init(struct loader *l)
{
	int e;

	*l = (struct loader){.kind = WD_RESOURCE_MAX};
	e = wd_parse_new(&l->parse);
	if (!e)
		e = wd_split_new(WD_SPLIT_STREAM, line_read, l, &l->split);
	if (!e)
		e = wd_store_new(&l->store);
	return e;
}

/* Gives out what was read, or takes it all away. */
static int loader_end(struct loader *l, int e, struct wd_store **ret,
                      struct wd_state_info *ret_info, char *err)
{
	if (e) {
		wd_store_free(l->store);
		snprintf(err, WD_STATE_ERRLEN, "%s", l->err[0] ? l->err : strerror(-e));
	} else {
		*ret = l->store;
		*ret_info = l->info;
	}
	wd_parse_free(l->parse);
	wd_split_free(l->split);
	free(l->problem);
	return e;
}

int wd_state_parse(const char *bytes, size_t n, struct wd_store **ret,
                   struct wd_state_info *ret_info, char err[WD_STATE_ERRLEN])
{
	struct loader l;
	int e = loader_init(&l);

	if (!e)
		e = feed(&l, bytes, n);
	if (!e)
		e = finish(&l);
	return loader_end(&l, e, ret, ret_info, err);
}

static int file_load(struct loader *l, int fd)
{
	char *bytes WD_AUTO_FREE = malloc(READ_BYTES);
	ssize_t n;
	int e = bytes ? 0 : -ENOMEM;

	while (!e && (n = read(fd, bytes, READ_BYTES)) != 0) {
		if (n > 0)
			e = feed(l, bytes, (size_t)n);
		else if (errno != EINTR)
			e = -errno;
	}
	return e ? e : finish(l);
}

/* Whoever could write to it could make whydrop say anything. */
static int file_check(int fd, char *why, size_t size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		snprintf(why, size, "not a plain file");
	else if (st.st_uid != geteuid())
		snprintf(why, size, "belongs to user %u", (unsigned int)st.st_uid);
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		snprintf(why, size, "others may write to it (mode %o)", st.st_mode & 07777);
	else
		return 0;
	return -EPERM;
}

int wd_state_load(const char *path, struct wd_store **ret, struct wd_state_info *ret_info,
                  char err[WD_STATE_ERRLEN])
{
	int fd WD_AUTO_FD = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), e;
	char why[WD_STATE_ERRLEN] = "";
	struct loader l;

	e = fd < 0 ? -errno : file_check(fd, why, sizeof(why));
	if (e == -ELOOP) {
		snprintf(why, sizeof(why), "a symbolic link, which is not followed");
		e = -EPERM;
	}
	if (!e) {
		e = loader_init(&l);
		if (!e)
			e = file_load(&l, fd);
		e = loader_end(&l, e, ret, ret_info, why);
	}
	if (e)
		snprintf(err, WD_STATE_ERRLEN, "%.255s: %.250s", path, why[0] ? why : strerror(-e));
	return e;
}
