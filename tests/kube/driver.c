/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API client by itself: keeps a store as the server is, and answers questions on stdin, one
 * a line, each answer ended by a line ".".
 *
 *   driver [--fast] [--kubeconfig F] [--node N] [--account D] [--host-root D] [--no-watch] [--idle]
 *   driver --truth < LINES    "PLURAL JSON" each: what a store of these objects dumps as
 *
 * dump: the objects, sorted; state: a line a resource; health; settled; want IP; raw PATH; free;
 * start; rss: in KiB; churn N: as often a client is made, started and freed after a moment; quit
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "kube/encode.h"
#include "kube/kube.h"
#include "kube/objects.h"

static const struct wd_kube_times fast = {
	.resolve_ms = 1500,
	.connect_ms = 600,
	.tls_ms = 600,
	.header_ms = 600,
	.idle_ms = 500,
	.list_ms = 1500,
	.watch_s = 3,
	.retry_ms = 5,
	.retry_max_ms = 40,
	.absent_ms = 300,
	.positive_ms = 600,
	.negative_ms = 300,
};

static struct {
	struct event_base *loop;
	struct wd_store *store;
	struct wd_kube *kube;
	struct wd_kube_options options;
	struct wd_raw *raw;
	struct event *input, *churner;
	unsigned int churn; /* left */
	char line[4096];
	size_t n;
} d;

/* ---- dumps ---------------------------------------------------------------------------------- */

struct lines {
	char **v;
	size_t n, room;
};

static bool each_object(const struct wd_object *o, void *ctx)
{
	struct lines *l = ctx;
	struct wd_buf b;

	wd_buf_init(&b, 8u << 20);
	wd_buf_printf(&b, "%s%s ", wd_resource_plural(o->kind),
	              o->kind == WD_RESOURCE_POD && o->pod.on_demand ? "*" : "");
	wd_encode_object(&b, o);
	wd_buf_putc(&b, '\0');
	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->v = realloc(l->v, l->room * sizeof(*l->v));
	}
	if (b.err || !l->v)
		abort();
	l->v[l->n++] = b.data;
	return true;
}

static int order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void dump(const struct wd_store *s)
{
	struct lines l = {0};

	for (int i = 0; i < WD_RESOURCE_MAX; i++)
		wd_store_each(s, (enum wd_resource)i, NULL, each_object, &l);
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), order);
	for (size_t i = 0; i < l.n; i++) {
		puts(l.v[i]);
		free(l.v[i]);
	}
	free(l.v);
}

static void dump_state(void)
{
	for (int i = 0; i < WD_RESOURCE_MAX; i++) {
		const struct wd_store_state *st = wd_store_state(d.store, (enum wd_resource)i);

		printf("%s complete=%d live=%d absent=%d node_only=%d skipped=%llu as_of=%d "
		       "count=%u "
		       "problem=%s\n",
		       wd_resource_plural((enum wd_resource)i), st->complete, st->live, st->absent,
		       st->node_only, (unsigned long long)st->skipped, st->as_of_ns != 0,
		       wd_store_count(d.store, (enum wd_resource)i),
		       st->problem ? st->problem : "");
	}
}

static int truth(void)
{
	struct wd_parse *p;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (wd_parse_new(&p))
		return 1;
	while ((n = getline(&line, &room, stdin)) > 0) {
		char err[WD_PARSE_ERRLEN], *space = strchr(line, ' ');
		struct wd_object o;

		for (int i = 0; space && i < WD_RESOURCE_MAX; i++) {
			const char *plural = wd_resource_plural((enum wd_resource)i);

			if (strlen(plural) != (size_t)(space - line) ||
			    strncmp(line, plural, strlen(plural)) != 0)
				continue;
			if (wd_parse_object(p, (enum wd_resource)i, space + 1,
			                    (size_t)(line + n - space - 1), &o, err) == 0)
				wd_store_put(d.store, &o);
		}
	}
	free(line);
	wd_parse_free(p);
	dump(d.store);
	return 0;
}

/* ---- the client ----------------------------------------------------------------------------- */

static void on_log(const char *line, void *ctx)
{
	(void)ctx;
	fprintf(stderr, "log: %s\n", line);
}

static int start(void)
{
	char err[WD_KUBE_ERRLEN];
	int r = wd_kube_new(&d.options, &d.kube, err);

	if (!r)
		r = wd_kube_start(d.kube);
	if (r)
		fprintf(stderr, "driver: %s\n", err);
	return r;
}

static void over(void)
{
	puts(".");
	fflush(stdout);
}

static int raw_item(const char *json, size_t n, void *ctx)
{
	(void)ctx;
	printf("%.*s\n", (int)n, json);
	return 0;
}

static void raw_done(const struct wd_kube_failure *f, uint64_t skipped, const char *version,
                     void *ctx)
{
	(void)ctx;
	printf("# %s skipped=%llu version=%s %s\n", wd_kube_stage_name(f->stage),
	       (unsigned long long)skipped, version, f->stage == WD_KUBE_STAGE_MAX ? "" : f->text);
	wd_raw_free(d.raw);
	d.raw = NULL;
	over();
}

static void raw(const char *path)
{
	struct wd_raw_request q = {.path = path, .item = raw_item, .done = raw_done};

	if (d.raw || wd_kube_list_raw(d.kube, &q, &d.raw)) {
		puts("# cannot");
		over();
	}
}

static void want(const char *text)
{
	static const char *const words[] = {"found", "none", "pending", "failed"};
	struct wd_addr a;
	int r = wd_addr_parse(text, &a);

	if (!r)
		r = wd_kube_want_pod(d.kube, &a);
	puts(r < 0 ? strerror(-r) : words[r]);
}

static void rss(void)
{
	char text[256] = "";
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fgets(text, sizeof(text), f))
		sscanf(text, "%*d %ld", &pages);
	if (f)
		fclose(f);
	printf("%ld\n", pages * (sysconf(_SC_PAGESIZE) / 1024));
}

/* Freed at whatever point it has come to. */
static void on_churn(evutil_socket_t fd, short what, void *ctx)
{
	struct timeval tv = {0, (suseconds_t)(d.churn * 997 % 30000)};

	(void)fd;
	(void)what;
	(void)ctx;
	wd_kube_free(d.kube);
	d.kube = NULL;
	if (d.churn == 0 || start()) {
		printf("%u left\n", d.churn);
		over();
		return;
	}
	d.churn--;
	event_add(d.churner, &tv);
}

static void obey(char *line)
{
	char words[1024];

	if (strncmp(line, "raw ", 4) == 0) {
		raw(line + 4);
		return;
	}
	if (strncmp(line, "churn ", 6) == 0) {
		d.churn = (unsigned int)strtoul(line + 6, NULL, 10);
		event_active(d.churner, EV_TIMEOUT, 0);
		return;
	}
	if (strcmp(line, "quit") == 0) {
		event_base_loopbreak(d.loop);
		return;
	}
	if (strcmp(line, "dump") == 0)
		dump(d.store);
	else if (strcmp(line, "state") == 0)
		dump_state();
	else if (strcmp(line, "health") == 0)
		printf("%d %d %s\n", wd_kube_health(d.kube)->reachable,
		       wd_kube_health(d.kube)->failure.port,
		       wd_kube_health_words(wd_kube_health(d.kube), wd_clock_monotonic_ns(), words,
		                            sizeof(words)));
	else if (strncmp(line, "want ", 5) == 0)
		want(line + 5);
	else if (strcmp(line, "settled") == 0)
		printf("%d\n", wd_kube_settled(d.kube));
	else if (strcmp(line, "rss") == 0)
		rss();
	else if (strcmp(line, "free") == 0) {
		wd_raw_free(d.raw);
		wd_kube_free(d.kube);
		d.raw = NULL;
		d.kube = NULL;
	} else if (strcmp(line, "start") == 0)
		printf("%d\n", start());
	over();
}

static void on_input(evutil_socket_t fd, short what, void *ctx)
{
	ssize_t n = read(fd, d.line + d.n, sizeof(d.line) - 1 - d.n);
	char *end;

	(void)what;
	(void)ctx;
	if (n <= 0) {
		event_base_loopbreak(d.loop);
		return;
	}
	d.n += (size_t)n;
	d.line[d.n] = '\0';
	while ((end = strchr(d.line, '\n'))) {
		char line[sizeof(d.line)];

		*end = '\0';
		memcpy(line, d.line, (size_t)(end - d.line) + 1);
		memmove(d.line, end + 1, d.n - (size_t)(end - d.line));
		d.n -= (size_t)(end - d.line) + 1;
		obey(line);
	}
}

static int options(int argc, char **argv, bool *ret_truth, bool *ret_idle)
{
	struct wd_kube_options *o = &d.options;

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--fast") == 0)
			o->times = &fast;
		else if (strcmp(argv[i], "--no-watch") == 0)
			o->no_watch = true;
		else if (strcmp(argv[i], "--truth") == 0)
			*ret_truth = true;
		else if (strcmp(argv[i], "--idle") == 0)
			*ret_idle = true;
		else if (strcmp(argv[i], "--kubeconfig") == 0 && ++i)
			o->kubeconfig = value;
		else if (strcmp(argv[i], "--account") == 0 && ++i)
			o->account = value;
		else if (strcmp(argv[i], "--host-root") == 0 && ++i)
			o->host_root = value;
		else if (strcmp(argv[i], "--node") == 0 && ++i)
			o->node = value;
		else
			return 2;
	}
	o->scope = o->node ? WD_KUBE_SCOPE_NODE : WD_KUBE_SCOPE_ALL;
	return 0;
}

int main(int argc, char **argv)
{
	bool is_truth = false, idle = false;
	int r = options(argc, argv, &is_truth, &idle);

	if (r || wd_store_new(&d.store))
		return 2;
	if (is_truth) {
		r = truth();
		wd_store_free(d.store);
		return r;
	}
	signal(SIGPIPE, SIG_IGN);
	d.loop = event_base_new();
	d.options.loop = d.loop;
	d.options.store = d.store;
	d.options.log = on_log;
	d.churner = event_new(d.loop, -1, 0, on_churn, NULL);
	if (!idle)
		r = start();
	d.input = event_new(d.loop, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, NULL);
	if (!r && d.input && event_add(d.input, NULL) == 0)
		event_base_dispatch(d.loop);
	wd_raw_free(d.raw);
	wd_kube_free(d.kube);
	event_free(d.input);
	event_free(d.churner);
	event_base_free(d.loop);
	wd_store_free(d.store);
	return r ? 1 : 0;
}
