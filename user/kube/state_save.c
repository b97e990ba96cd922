/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the last known state. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "kube/encode.h"
#include "kube/outfile.h"
#include "kube/split.h"
#include "kube/state.h"

struct saver {
	struct wd_outfile file;
	struct wd_buf line;
	bool on_demand; /* which pods are meant */
	uint64_t count;
};

/* On-demand pods come after the others: Kubernetes' JSON has no word for what they are. */
static bool is_meant(const struct saver *s, const struct wd_object *o)
{
	return s->on_demand == (o->kind == WD_RESOURCE_POD && o->pod.on_demand);
}

static bool count_one(const struct wd_object *o, void *ctx)
{
	struct saver *s = ctx;

	s->count += is_meant(s, o);
	return true;
}

/* One that is longer than what can be read again leaves an empty line, which is counted as
 * unreadable by whoever reads it. */
static bool write_one(const struct wd_object *o, void *ctx)
{
	struct saver *s = ctx;

	if (!is_meant(s, o))
		return true;
	wd_buf_reset(&s->line);
	wd_encode_object(&s->line, o);
	if (s->line.err == -ENOMEM) {
		s->file.error = -ENOMEM;
		return false;
	}
	if (s->line.err)
		wd_buf_puts(&s->file.buf, "{}");
	else
		wd_buf_put(&s->file.buf, s->line.data, s->line.len);
	wd_buf_putc(&s->file.buf, '\n');
	return wd_outfile_flush(&s->file) == 0;
}

static uint64_t count(struct saver *s, const struct wd_store *store, enum wd_resource r,
                      bool on_demand)
{
	s->on_demand = on_demand;
	s->count = 0;
	wd_store_each(store, r, NULL, count_one, s);
	return s->count;
}

static void resource_write(struct saver *s, const struct wd_store *store, enum wd_resource r)
{
	const struct wd_store_state *st = wd_store_state(store, r);
	struct wd_buf *b = &s->file.buf;

	wd_buf_printf(b,
	              "{\"resource\":\"%s\",\"complete\":%s,\"node_only\":%s,\"absent\":%s,"
	              "\"as_of_ns\":%llu,\"skipped\":%llu,\"objects\":%llu,\"on_demand\":%llu",
	              wd_resource_plural(r), st->complete ? "true" : "false",
	              st->node_only ? "true" : "false", st->absent ? "true" : "false",
	              (unsigned long long)st->as_of_ns, (unsigned long long)st->skipped,
	              (unsigned long long)count(s, store, r, false),
	              (unsigned long long)count(s, store, r, true));
	if (st->problem) {
		wd_buf_puts(b, ",\"problem\":");
		wd_encode_string(b, st->problem);
	}
	wd_buf_puts(b, "}\n");
	for (int pass = 0; pass < 2; pass++) {
		s->on_demand = pass == 1;
		wd_store_each(store, r, NULL, write_one, s);
	}
}

static void header_write(struct wd_buf *b, const struct wd_store *store,
                         const struct wd_state_info *info)
{
	char saved[WD_TIME_STRLEN], ip[WD_ADDR_STRLEN];
	const struct wd_api_server *v = NULL;
	unsigned int n = wd_store_api_servers(store, &v);

	wd_buf_printf(b, "{\"whydrop_state\":%d,\"saved\":\"%s\",\"saved_ns\":%llu,\"node\":",
	              WD_STATE_VERSION, wd_clock_format_utc(info->saved_ns, saved),
	              (unsigned long long)info->saved_ns);
	wd_encode_string(b, info->node);
	wd_buf_puts(b, ",\"server\":");
	wd_encode_string(b, info->server);
	wd_buf_puts(b, ",\"api_servers\":[");
	for (unsigned int i = 0; i < n; i++) {
		wd_buf_printf(b, "%s{\"ip\":\"%s\",\"port\":%u,\"name\":", i ? "," : "",
		              wd_addr_format(&v[i].ip, ip), v[i].port);
		wd_encode_string(b, v[i].name);
		wd_buf_putc(b, '}');
	}
	wd_buf_puts(b, "]}\n");
}

static int state_write(struct saver *s, int dir, const char *name, const struct wd_store *store,
                       const struct wd_state_info *info)
{
	int e = wd_outfile_open(&s->file, dir, name);

	if (e)
		return e;
	wd_buf_init(&s->line, WD_SPLIT_VALUE_MAX);
	header_write(&s->file.buf, store, info);
	for (int r = 0; r < WD_RESOURCE_MAX && !s->file.error; r++)
		resource_write(s, store, (enum wd_resource)r);
	wd_buf_puts(&s->file.buf, "{\"end\":true}\n");
	wd_buf_release(&s->line);
	e = wd_outfile_commit(&s->file);
	if (!e && fsync(dir))
		e = -errno;
	return e;
}

int wd_state_save(const char *path, const struct wd_store *store, const struct wd_state_info *info,
                  char err[WD_STATE_ERRLEN])
{
	char *dir WD_AUTO_FREE = NULL;
	const char *slash = strrchr(path, '/');
	int fd WD_AUTO_FD = -1, e;
	struct saver s = {.count = 0};

	dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	if (!dir)
		return -ENOMEM;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	e = fd < 0 ? -errno : state_write(&s, fd, slash ? slash + 1 : path, store, info);
	if (e)
		snprintf(err, WD_STATE_ERRLEN, "%s: %s", path,
		         e == -ELOOP ? "a symbolic link, which is not followed" : strerror(-e));
	return e;
}
