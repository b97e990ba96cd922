/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `whydrop snapshot DIR`: saves what the other commands read, as plain files, so that they can
 * run elsewhere. One list after the other, each object written as it comes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "kube/kube.h"
#include "kube/snapshot.h"
#include "node/dump.h"
#include "node/host.h"

/* Of one file of the node. */
#define FILE_MAX  (16u << 20)
#define FILES_MAX 4096
/* The root of the node's files, with what is looked for below it. */
#define PATH_LEN 4096

struct snapshot {
	const struct wd_options *o;
	struct wd_host host;
	struct event_base *loop;
	struct wd_snapshot_writer *writer;
	struct wd_store *store;
	struct wd_kube *kube;
	struct wd_raw *raw;
	struct wd_dumps *dumps;
	unsigned int resource; /* that is being listed */
	uint64_t objects;
	struct wd_buf dump;
	unsigned int files, missing;
	bool failed; /* DIR cannot be written */
};

static const char *const dump_files[WD_DUMP_MAX] = {
	[WD_DUMP_IPTABLES_LEGACY] = "node/iptables-legacy.save",
	[WD_DUMP_IP6TABLES_LEGACY] = "node/ip6tables-legacy.save",
	[WD_DUMP_IPTABLES_NFT] = "node/iptables-nft.save",
	[WD_DUMP_IP6TABLES_NFT] = "node/ip6tables-nft.save",
	[WD_DUMP_NFT] = "node/nft.json",
};

/* What network plugins keep and are told, as far as other commands read it: nothing with
 * credentials (some plugins keep a kubeconfig beside their configuration). */
static const struct {
	const char *dir, *suffix; /* suffix NULL: one file */
} node_files[] = {
	{"/var/run/azure-vnet.json", NULL},
	{"/var/run/azure-vnet-ipam.json", NULL},
	{"/var/run/azure-vnet-ipamv6.json", NULL},
	{"/var/run/azure-cns/azure-endpoints.json", NULL},
	{"/var/lib/azure-network/azure-cns.json", NULL},
	{"/var/run/aws-node/ipam.json", NULL},
	{"/var/lib/cni/networks", ""},
	{"/etc/cni/net.d", ".conf"},
	{"/etc/cni/net.d", ".conflist"},
	{"/etc/resolv.conf", NULL},
};

/* ---- words --------------------------------------------------------------------------------- */

static void put_line(const char *file, uint64_t n, const char *unit, const char *missing)
{
	struct wd_buf b;

	wd_buf_init(&b, 64u << 10);
	wd_buf_puts(&b, missing ? "- " : "+ ");
	wd_text_escape(&b, file, strlen(file));
	if (missing) {
		wd_buf_puts(&b, ": ");
		wd_text_escape(&b, missing, strlen(missing));
	} else {
		wd_buf_printf(&b, ": %llu %s", (unsigned long long)n, unit);
	}
	wd_buf_putc(&b, '\n');
	if (!b.err)
		fwrite(b.data, 1, b.len, stdout);
	fflush(stdout);
	wd_buf_release(&b);
}

/* Not there: said on the screen and in MISSING. */
static void is_missing(struct snapshot *s, const char *file, const char *why)
{
	s->missing++;
	put_line(file, 0, NULL, why);
	if (wd_snapshot_missing(s->writer, file, why) < 0 && !s->failed)
		wd_complain("snapshot: MISSING: %s", wd_snapshot_error(s->writer));
}

static void write_failed(struct snapshot *s)
{
	s->failed = true;
	wd_complain("snapshot: %s", wd_snapshot_error(s->writer));
	event_base_loopbreak(s->loop);
}

/* ---- the node ------------------------------------------------------------------------------ */

static void keep_file(struct snapshot *s, const char *name, const struct wd_buf *b,
                      const char *unit, uint64_t n)
{
	if (wd_snapshot_file(s->writer, name, b->data ? b->data : "", b->len) < 0) {
		write_failed(s);
		return;
	}
	s->files++;
	put_line(name, n, unit, NULL);
}

static void on_dump_begin(void *ctx, enum wd_dump which)
{
	struct snapshot *s = ctx;

	(void)which;
	wd_buf_reset(&s->dump);
}

static int on_dump_data(void *ctx, enum wd_dump which, const char *p, size_t n)
{
	struct snapshot *s = ctx;

	(void)which;
	wd_buf_put(&s->dump, p, n);
	return s->dump.err;
}

static void on_dump_end(void *ctx, enum wd_dump which, const struct wd_dump_state *st)
{
	struct snapshot *s = ctx;

	if (s->failed)
		return;
	switch (st->result) {
	case WD_DUMP_DONE:
		keep_file(s, dump_files[which], &s->dump, "bytes", s->dump.len);
		break;
	case WD_DUMP_EMPTY:
		is_missing(s, dump_files[which], "the kernel has no rules of this kind");
		break;
	case WD_DUMP_NEVER:
	case WD_DUMP_NO_TOOL:
	case WD_DUMP_FAILED:
		is_missing(s, dump_files[which], st->message[0] ? st->message : "not read");
		break;
	}
}

static void on_dumps_done(void *ctx)
{
	event_base_loopbreak(((struct snapshot *)ctx)->loop);
}

static void save_rules(struct snapshot *s)
{
	static const struct wd_dumps_ops ops = {on_dump_begin, on_dump_data, on_dump_end,
	                                        on_dumps_done};
	struct wd_dumps_options none = {0};

	wd_buf_init(&s->dump, WD_DUMPS_SIZE_MAX);
	if (wd_dumps_new(s->loop, &none, &ops, s, &s->dumps) == 0 &&
	    wd_dumps_refresh(s->dumps, (1u << WD_DUMP_MAX) - 1, wd_clock_monotonic_ns()) == 0)
		event_base_dispatch(s->loop);
	else
		wd_complain("snapshot: rules: %s", strerror(ENOMEM));
}

/* Where the node's own path leads is below its root, whatever its links say. */
static int open_below(const struct snapshot *s, const char *path, int flags)
{
	char whole[PATH_LEN];

	if ((size_t)snprintf(whole, sizeof(whole), "%s%s",
	                     strcmp(s->o->host_root, "/") == 0 ? "" : s->o->host_root,
	                     path) >= sizeof(whole))
		return -ENAMETOOLONG;
	flags = open(whole, flags | O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return flags < 0 ? -errno : flags;
}

static void save_file(struct snapshot *s, const char *path)
{
	int fd WD_AUTO_FD = open_below(s, path, 0);
	char name[PATH_LEN + 16], chunk[16384];
	struct wd_buf b;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || s->failed)
		return;
	snprintf(name, sizeof(name), "node/files%s", path);
	wd_buf_init(&b, FILE_MAX);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		wd_buf_put(&b, chunk, (size_t)n);
	if (n < 0 || b.err)
		is_missing(s, name, n < 0 ? strerror(errno) : "longer than 16 MiB");
	else
		keep_file(s, name, &b, "bytes", b.len);
	wd_buf_release(&b);
}

static bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

static void save_dir(struct snapshot *s, const char *path, const char *suffix, unsigned int depth)
{
	int fd = open_below(s, path, O_DIRECTORY);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	char below[PATH_LEN];
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)) && s->files < FILES_MAX && !s->failed) {
		if (e->d_name[0] == '.' || (size_t)snprintf(below, sizeof(below), "%s/%s", path,
		                                            e->d_name) >= sizeof(below))
			continue;
		if (e->d_type == DT_DIR && depth)
			save_dir(s, below, suffix, depth - 1);
		else if (e->d_type == DT_REG && ends_with(e->d_name, suffix))
			save_file(s, below);
	}
	closedir(d);
}

static void save_node_files(struct snapshot *s)
{
	for (size_t i = 0; i < sizeof(node_files) / sizeof(node_files[0]) && !s->failed; i++) {
		if (node_files[i].suffix)
			save_dir(s, node_files[i].dir, node_files[i].suffix, 1);
		else
			save_file(s, node_files[i].dir);
	}
}

/* ---- the API ------------------------------------------------------------------------------- */

static void list_next(struct snapshot *s);

static int on_item(const char *json, size_t n, void *ctx)
{
	struct snapshot *s = ctx;
	int r = wd_snapshot_item(s->writer, (enum wd_resource)s->resource, json, n);

	s->objects += r == 0;
	return r;
}

static void on_listed(const struct wd_kube_failure *f, uint64_t skipped, const char *version,
                      void *ctx)
{
	struct snapshot *s = ctx;
	enum wd_resource r = (enum wd_resource)s->resource;
	char name[64], why[WD_KUBE_FAILURE_LEN + 32];

	(void)version;
	snprintf(name, sizeof(name), "%s.json", wd_resource_plural(r));
	wd_raw_free(s->raw);
	s->raw = NULL;
	if (f->stage != WD_KUBE_STAGE_MAX) {
		wd_snapshot_abort(s->writer, r);
		if (f->status == 404 && r == WD_RESOURCE_NNC)
			snprintf(why, sizeof(why), "this cluster does not serve it");
		else
			snprintf(why, sizeof(why), "%s", f->text);
		is_missing(s, name, why);
	} else if (wd_snapshot_end(s->writer, r) < 0) {
		write_failed(s);
		return;
	} else {
		s->files++;
		put_line(name, s->objects, s->objects == 1 ? "object" : "objects", NULL);
		if (skipped) {
			snprintf(why, sizeof(why), "%llu objects were too long and are left out",
			         (unsigned long long)skipped);
			is_missing(s, name, why);
		}
	}
	s->resource++;
	list_next(s);
}

static void list_next(struct snapshot *s)
{
	struct wd_raw_request q = {.item = on_item, .done = on_listed, .ctx = s};
	char path[256];
	int r;

	if (s->resource == WD_RESOURCE_MAX || s->failed) {
		event_base_loopbreak(s->loop);
		return;
	}
	s->objects = 0;
	snprintf(path, sizeof(path), "%s/%s", wd_resource_path((enum wd_resource)s->resource),
	         wd_resource_plural((enum wd_resource)s->resource));
	q.path = path;
	r = wd_snapshot_begin(s->writer, (enum wd_resource)s->resource);
	if (r == 0)
		r = wd_kube_list_raw(s->kube, &q, &s->raw);
	if (r < 0)
		write_failed(s);
}

static void all_missing(struct snapshot *s, const char *why)
{
	char name[64];

	for (unsigned int i = 0; i < WD_RESOURCE_MAX; i++) {
		snprintf(name, sizeof(name), "%s.json", wd_resource_plural((enum wd_resource)i));
		is_missing(s, name, why);
	}
}

static void save_lists(struct snapshot *s)
{
	struct wd_kube_options ko = {
		.loop = s->loop,
		.store = s->store,
		.host_root = s->o->host_root,
		.kubeconfig = s->o->kubeconfig,
		.node = s->host.name,
		.scope = WD_KUBE_SCOPE_ALL,
		.no_watch = true,
	};
	char err[WD_KUBE_ERRLEN];

	if (s->o->no_api) {
		all_missing(s, "--no-api");
		return;
	}
	if (wd_kube_new(&ko, &s->kube, err) < 0) {
		all_missing(s, err);
		return;
	}
	list_next(s);
	if (s->resource < WD_RESOURCE_MAX && !s->failed)
		event_base_dispatch(s->loop);
}

/* ---- all ----------------------------------------------------------------------------------- */

static int set_up(struct snapshot *s, const char *dir)
{
	char err[WD_SNAPSHOT_ERRLEN];
	struct event_config *config;
	int r = wd_host_read(s->o->node, &s->host);

	if (r == 0)
		r = wd_store_new(&s->store);
	config = event_config_new();
	s->loop = config ? event_base_new_with_config(config) : NULL;
	if (config)
		event_config_free(config);
	if (r == 0 && !s->loop)
		r = -ENOMEM;
	if (r < 0) {
		wd_complain("snapshot: %s", strerror(-r));
		return r;
	}
	r = wd_snapshot_create(dir, &s->writer, err);
	if (r < 0)
		wd_complain("snapshot: %s", err);
	return r;
}

static void release(struct snapshot *s)
{
	wd_raw_free(s->raw);
	wd_kube_free(s->kube);
	wd_dumps_free(s->dumps);
	wd_snapshot_free(s->writer);
	wd_store_free(s->store);
	wd_buf_release(&s->dump);
	if (s->loop)
		event_base_free(s->loop);
}

static int run(const struct wd_options *o)
{
	struct snapshot s = {.o = o};
	int status = WD_EXIT_CANNOT;

	if (o->n_words != 1) {
		wd_complain("snapshot: wants one directory (whydrop snapshot --help)");
		return WD_EXIT_USAGE;
	}
	if (o->state || o->snapshot || (o->no_api && o->kubeconfig)) {
		wd_complain("snapshot: %s", o->state || o->snapshot
		                                    ? "takes no --state and no --snapshot"
		                                    : "of --no-api and --kubeconfig only one");
		return WD_EXIT_USAGE;
	}
	if (set_up(&s, o->words[0]) == 0) {
		save_lists(&s);
		if (!s.failed)
			save_rules(&s);
		if (!s.failed)
			save_node_files(&s);
		if (!s.failed && wd_snapshot_finish(s.writer) < 0)
			write_failed(&s);
		if (!s.failed) {
			printf("%u files; %u are missing\n", s.files, s.missing);
			status = WD_EXIT_OK;
		}
	}
	release(&s);
	return status;
}

const struct wd_command wd_cmd_snapshot = {
	.name = "snapshot",
	.synopsis = "DIR [options]",
	.summary = "save what the other commands read, for --snapshot DIR elsewhere",
	.details = "Writes the cluster's objects as `kubectl get X -A -o json` prints them, the "
		   "node's\n"
		   "rules as their own tools dump them, and what network plugins keep, to a new or "
		   "empty\n"
		   "directory that only you may read. What is missing, and why, stands in MISSING, "
		   "and on\n"
		   "lines that begin with '-'. No Secret or ConfigMap is read; pods are saved as "
		   "the API\n"
		   "gives them, with the environment variables that they set in plain text.",
	.options = WD_OPT_NODE | WD_OPT_CLUSTER,
	.run = run,
};
