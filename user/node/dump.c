/* SPDX-License-Identifier: Apache-2.0 */
#include "node/dump.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "node/dump_child.h"
#include "node/lines.h"
#include "node/memlimit.h"
#include "node/procfs.h"

#define CHUNK       65536
#define REAP_USEC   2000 /* a child that closed its output ends at once */
#define NAMES_MAX   65536
#define MODULES_MAX (1u << 20)

enum needs { NEEDS_IP_TABLES, NEEDS_IP6_TABLES, NEEDS_NF_TABLES };

static const struct tool {
	const char *name, *args[3];
	enum needs needs;
} tools[WD_DUMP_MAX] = {
#define X(id, tool, a, b, c, what) {tool, {a, b, c}, NEEDS_##what},
	WD_DUMPS(X)
#undef X
};

struct wd_dumps {
	struct event_base *base;
	struct wd_dumps_options o;
	struct wd_dumps_ops ops;
	void *ctx;
	struct wd_dump_state states[WD_DUMP_MAX];
	unsigned int left; /* bits: still to be dumped in this refresh */
	bool running;
	int nf_tables; /* 0: not looked for in the kernel itself; 1: is part of it; -1: is not */
	uint64_t begun_ns, cpu_ns, due_ns;

	enum wd_dump at; /* the dump at hand: */
	struct wd_dump_child child;
	struct event *out, *err, *timer; /* timer: next step, deadline, or wait for the end */
	uint64_t deadline_ns;
	char said[sizeof(((struct wd_dump_state *)NULL)->message)]; /* start of its stderr */
	size_t said_len;
	int failed; /* negative errno: why it was ended */
};

/* ---- what the kernel has -----------------------------------------------------------------------
 */

bool wd_dump_has_tables(const char *names, size_t n)
{
	return n && names[0] != '\n';
}

bool wd_dump_has_module(const char *modules, size_t n, const char *module)
{
	struct wd_span rest = wd_span(modules, n), line, word;

	while (wd_span_line(&rest, &line))
		if (wd_span_word(&line, &word) && wd_span_is(&word, module))
			return true;
	return false;
}

static bool file_read(const char *root, const char *below, size_t cap, struct wd_buf *b)
{
	char path[256];

	wd_buf_init(b, cap);
	return (size_t)snprintf(path, sizeof(path), "%s%s", root, below) < sizeof(path) &&
	       wd_procfs_read(AT_FDCWD, path, b) >= 0;
}

static bool has_ip_tables(const struct wd_dumps *d, const char *names)
{
	struct wd_buf b;
	bool has = file_read(d->o.proc, names, NAMES_MAX, &b) && wd_dump_has_tables(b.data, b.len);

	wd_buf_release(&b);
	return has;
}

/* The kernel's own symbols, once: a long text, but the only place that tells of what is
 * built in. */
static bool is_built_in(struct wd_dumps *d)
{
	static const char symbol[] = " nf_tables_newtable\n";
	static char chunk[CHUNK];
	size_t kept = 0;
	char path[256];
	ssize_t n = 0;
	int fd WD_AUTO_FD = -1;

	if (d->nf_tables)
		return d->nf_tables > 0;
	d->nf_tables = -1;
	snprintf(path, sizeof(path), "%.200s/kallsyms", d->o.proc);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, chunk + kept, sizeof(chunk) - kept)) > 0) {
		kept += (size_t)n;
		if (memmem(chunk, kept, symbol, sizeof(symbol) - 1)) {
			d->nf_tables = 1;
			break;
		}
		/* the symbol may lie across the edge */
		n = kept < sizeof(symbol) ? (ssize_t)kept : (ssize_t)sizeof(symbol);
		memmove(chunk, chunk + kept - (size_t)n, (size_t)n);
		kept = (size_t)n;
	}
	return d->nf_tables > 0;
}

static bool has_nf_tables(struct wd_dumps *d)
{
	char path[256];
	struct wd_buf b;
	bool has;

	snprintf(path, sizeof(path), "%.200s/module/nf_tables", d->o.sys);
	if (!access(path, F_OK))
		return true;
	has = file_read(d->o.proc, "/modules", MODULES_MAX, &b) &&
	      wd_dump_has_module(b.data ? b.data : "", b.len, "nf_tables");
	wd_buf_release(&b);
	return has || is_built_in(d);
}

static bool has(struct wd_dumps *d, enum needs what)
{
	switch (what) {
	case NEEDS_IP_TABLES:
		return has_ip_tables(d, "/net/ip_tables_names");
	case NEEDS_IP6_TABLES:
		return has_ip_tables(d, "/net/ip6_tables_names");
	default:
		return has_nf_tables(d);
	}
}

/* ---- one dump ----------------------------------------------------------------------------------
 */

static void next(struct wd_dumps *d);

static void timer_set(struct wd_dumps *d, uint64_t ns)
{
	struct timeval tv = {(time_t)(ns / WD_NSEC_PER_SEC),
	                     (suseconds_t)(ns % WD_NSEC_PER_SEC / WD_NSEC_PER_USEC)};

	event_add(d->timer, &tv);
}

static void events_free(struct wd_dumps *d)
{
	if (d->out)
		event_free(d->out);
	if (d->err)
		event_free(d->err);
	d->out = d->err = NULL;
	event_del(d->timer);
}

/* Allocating fails before all is used that it may have: a buffer that doubles is refused at half.
 */
static void add_memory(const struct wd_dumps *d, struct wd_dump_state *st)
{
	size_t n = strlen(st->message);

	if (d->child.memory >= d->o.memory_max / 2)
		snprintf(st->message + n, sizeof(st->message) - n,
		         " (it used %llu MiB of memory and may use %llu)",
		         (unsigned long long)(d->child.memory >> 20),
		         (unsigned long long)(d->o.memory_max >> 20));
}

/* First line of what it said on stderr, if it said something. */
static void message_set(struct wd_dumps *d, struct wd_dump_state *st)
{
	const char *tool = tools[d->at].name;
	int status = d->child.status;

	d->said[d->said_len] = '\0';
	d->said[strcspn(d->said, "\n")] = '\0';
	if (d->failed == -ETIMEDOUT)
		snprintf(st->message, sizeof(st->message), "%s took longer than %llu s", tool,
		         (unsigned long long)(d->o.deadline_ns / WD_NSEC_PER_SEC));
	else if (d->failed == -EFBIG)
		snprintf(st->message, sizeof(st->message), "%s wrote more than %zu MiB", tool,
		         d->o.size_max >> 20);
	else if (d->failed)
		snprintf(st->message, sizeof(st->message), "output of %s: %s", tool,
		         strerror(-d->failed));
	else if (d->said[0])
		snprintf(st->message, sizeof(st->message), "%.60s: %.120s", tool, d->said);
	else if (WIFSIGNALED(status))
		snprintf(st->message, sizeof(st->message), "%s was ended by signal %d", tool,
		         WTERMSIG(status));
	else
		snprintf(st->message, sizeof(st->message), "%s ended with status %d", tool,
		         WEXITSTATUS(status));
	if (!d->failed)
		add_memory(d, st);
}

/* The child is gone. */
static void finish(struct wd_dumps *d)
{
	struct wd_dump_state *st = &d->states[d->at];

	events_free(d);
	wd_dump_child_stop(&d->child);
	st->cpu_ns = d->child.cpu_ns;
	d->cpu_ns += st->cpu_ns;
	st->message[0] = '\0';
	if (!d->failed && WIFEXITED(d->child.status) && !WEXITSTATUS(d->child.status)) {
		st->result = WD_DUMP_DONE;
	} else {
		st->result = WD_DUMP_FAILED;
		message_set(d, st);
	}
	d->ops.end(d->ctx, d->at, st);
	next(d);
}

static void fail(struct wd_dumps *d, int why)
{
	d->failed = why;
	wd_dump_child_stop(&d->child);
	finish(d);
}

static uint64_t own_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * WD_NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Both pipes are at their end: it is about to go. */
static void maybe_ended(struct wd_dumps *d)
{
	if (d->child.out >= 0 || d->child.err >= 0)
		return;
	if (wd_dump_child_reap(&d->child)) {
		finish(d);
		return;
	}
	timer_set(d, REAP_USEC * WD_NSEC_PER_USEC);
}

static void pipe_close(struct event **ev, int *fd)
{
	event_free(*ev);
	*ev = NULL;
	close(*fd);
	*fd = -1;
}

static void on_out(evutil_socket_t fd, short what, void *arg)
{
	static char chunk[CHUNK];
	struct wd_dumps *d = arg;
	struct wd_dump_state *st = &d->states[d->at];
	uint64_t start = own_cpu_ns();
	ssize_t n = read(fd, chunk, sizeof(chunk));
	int r = 0;

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		st->bytes += (uint64_t)n;
		r = st->bytes > d->o.size_max ? -EFBIG
		                              : d->ops.data(d->ctx, d->at, chunk, (size_t)n);
		d->cpu_ns += own_cpu_ns() - start;
		if (r < 0)
			fail(d, r);
		return;
	}
	pipe_close(&d->out, &d->child.out);
	maybe_ended(d);
}

static void on_err(evutil_socket_t fd, short what, void *arg)
{
	struct wd_dumps *d = arg;
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));
	size_t room = sizeof(d->said) - 1 - d->said_len;

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		size_t take = (size_t)n < room ? (size_t)n : room;

		memcpy(d->said + d->said_len, chunk, take);
		d->said_len += take;
		return;
	}
	pipe_close(&d->err, &d->child.err);
	maybe_ended(d);
}

static int begin(struct wd_dumps *d, const char *full)
{
	const struct tool *t = &tools[d->at];
	char *argv[5] = {(char *)(uintptr_t)full};
	int r;

	for (unsigned int i = 0; i < 3; i++)
		argv[1 + i] = (char *)(uintptr_t)t->args[i];
	d->failed = 0;
	d->said_len = 0;
	r = wd_dump_child_start(&d->child, argv, d->o.path, d->o.memory_max);
	if (r < 0)
		return r;
	d->out = event_new(d->base, d->child.out, EV_READ | EV_PERSIST, on_out, d);
	d->err = event_new(d->base, d->child.err, EV_READ | EV_PERSIST, on_err, d);
	if (!d->out || !d->err || event_add(d->out, NULL) || event_add(d->err, NULL)) {
		events_free(d);
		wd_dump_child_stop(&d->child);
		return -ENOMEM;
	}
	d->deadline_ns = wd_clock_monotonic_ns() + d->o.deadline_ns;
	timer_set(d, d->o.deadline_ns);
	if (d->ops.begin)
		d->ops.begin(d->ctx, d->at);
	return 0;
}

/* Begins the dump at hand. False: it has ended already, without one. */
static bool try(struct wd_dumps *d)
{
	const struct tool *t = &tools[d->at];
	struct wd_dump_state *st = &d->states[d->at];
	char full[256];
	int r;

	*st = (struct wd_dump_state){.at_ns = wd_clock_monotonic_ns()};
	if (!has(d, t->needs)) {
		st->result = WD_DUMP_EMPTY;
	} else if (!wd_dump_child_find(d->o.path, t->name, full, sizeof(full))) {
		st->result = WD_DUMP_NO_TOOL;
		snprintf(st->message, sizeof(st->message), "%s is not installed (looked in %s)",
		         t->name, d->o.path);
	} else {
		r = begin(d, full);
		if (!r)
			return true;
		st->result = WD_DUMP_FAILED;
		snprintf(st->message, sizeof(st->message), "%.128s: %.64s", full, strerror(-r));
	}
	d->ops.end(d->ctx, d->at, st);
	return false;
}

static void next(struct wd_dumps *d)
{
	while (d->left) {
		d->at = (enum wd_dump)__builtin_ctz(d->left);
		d->left &= d->left - 1;
		if (try(d))
			return;
	}
	d->running = false;
	d->due_ns = d->begun_ns + d->cpu_ns * WD_DUMPS_CPU_SHARE;
	if (d->ops.done)
		d->ops.done(d->ctx);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct wd_dumps *d = arg;

	(void)fd;
	(void)what;
	if (!d->child.pid && d->child.out < 0 && d->child.err < 0)
		next(d); /* the first step of a refresh */
	else if (wd_clock_monotonic_ns() >= d->deadline_ns)
		fail(d, -ETIMEDOUT);
	else if (d->child.out < 0 && d->child.err < 0)
		maybe_ended(d);
	else
		timer_set(d, d->deadline_ns - wd_clock_monotonic_ns());
}

/* ---- all of them
 * --------------------------------------------------------------------------------- */

static uint64_t memory_max(const struct wd_dumps_options *o)
{
	uint64_t share = wd_memlimit_read(o->proc, o->sys) / 4 * 3;

	return share < WD_DUMPS_MEMORY_MAX ? share : WD_DUMPS_MEMORY_MAX;
}

int wd_dumps_new(struct event_base *base, const struct wd_dumps_options *o,
                 const struct wd_dumps_ops *ops, void *ctx, struct wd_dumps **ret)
{
	struct wd_dumps *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->base = base;
	d->ops = *ops;
	d->ctx = ctx;
	if (o)
		d->o = *o;
	d->o.proc = d->o.proc ? d->o.proc : "/proc";
	d->o.sys = d->o.sys ? d->o.sys : "/sys";
	d->o.path = d->o.path ? d->o.path : WD_DUMPS_PATH;
	d->o.deadline_ns = d->o.deadline_ns ? d->o.deadline_ns : WD_DUMPS_DEADLINE_NS;
	d->o.size_max = d->o.size_max ? d->o.size_max : WD_DUMPS_SIZE_MAX;
	d->o.memory_max = d->o.memory_max ? d->o.memory_max : memory_max(&d->o);
	d->child.out = d->child.err = -1;
	d->timer = event_new(base, -1, 0, on_timer, d);
	if (!d->timer) {
		free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

void wd_dumps_free(struct wd_dumps *d)
{
	if (!d)
		return;
	events_free(d);
	wd_dump_child_stop(&d->child);
	event_free(d->timer);
	free(d);
}

int wd_dumps_refresh(struct wd_dumps *d, unsigned int which, uint64_t now_ns)
{
	if (d->running)
		return -EBUSY;
	if (now_ns < d->due_ns)
		return -EAGAIN;
	d->running = true;
	d->left = which & ((1u << WD_DUMP_MAX) - 1);
	d->begun_ns = now_ns;
	d->cpu_ns = 0;
	timer_set(d, 0);
	return 0;
}

uint64_t wd_dumps_due(const struct wd_dumps *d)
{
	return d->due_ns;
}

bool wd_dumps_running(const struct wd_dumps *d)
{
	return d->running;
}

const struct wd_dump_state *wd_dumps_state(const struct wd_dumps *d, enum wd_dump which)
{
	return &d->states[which];
}

uint64_t wd_dumps_age(const struct wd_dumps *d, enum wd_dump which, uint64_t now_ns)
{
	const struct wd_dump_state *st = &d->states[which];

	if (st->result == WD_DUMP_NEVER)
		return UINT64_MAX;
	return now_ns > st->at_ns ? now_ns - st->at_ns : 0;
}

const char *wd_dump_tool(enum wd_dump which)
{
	return tools[which].name;
}
