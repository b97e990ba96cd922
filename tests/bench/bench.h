/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every benchmark here shares: clocks, quartiles, rounds of A B A, rows of results.
 *
 * A row is one line of six tab-separated fields (number in DESIGN.md, figure, baseline,
 * result, target, verdict); tests/bench/run sets them as a table. Lines that begin with
 * "# " are notes. A benchmark that cannot run says why and exits with 3.
 */
#ifndef WD_BENCH_BENCH_H
#define WD_BENCH_BENCH_H

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BENCH_CANNOT 3

__attribute__((noreturn, format(printf, 1, 2))) static inline void bench_die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "bench: cannot run: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(BENCH_CANNOT);
}

/* ---- clocks and CPUs ----------------------------------------------------------------- */

static inline uint64_t bench_clock(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) < 0)
		bench_die("clock: %s", strerror(errno));
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static inline uint64_t bench_now(void)
{
	return bench_clock(CLOCK_MONOTONIC);
}

static inline void bench_sleep(uint64_t ns)
{
	struct timespec ts = {(time_t)(ns / 1000000000ull), (long)(ns % 1000000000ull)};

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

static inline void bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		bench_die("pin to CPU %d: %s", cpu, strerror(errno));
}

/* The CPU clock of another process; needs no statistics of the kernel. */
static inline clockid_t bench_cpu_clock(pid_t pid)
{
	clockid_t id;

	if (clock_getcpuclockid(pid, &id) != 0)
		bench_die("CPU clock of process %d", (int)pid);
	return id;
}

/* ksoftirqd of a CPU takes over when much is pending: its time belongs to the path. */
static inline clockid_t bench_softirq_clock(int cpu)
{
	char want[32], path[48], name[32];

	snprintf(want, sizeof(want), "ksoftirqd/%d\n", cpu);
	for (int pid = 2; pid < 4096; pid++) {
		FILE *f;
		bool found;

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		f = fopen(path, "re");
		if (!f)
			continue;
		found = fgets(name, sizeof(name), f) && strcmp(name, want) == 0;
		fclose(f);
		if (found)
			return bench_cpu_clock(pid);
	}
	bench_die("no ksoftirqd for CPU %d (in a pid namespace?)", cpu);
}

/* ---- statistics ------------------------------------------------------------------------ */

struct bench_quartiles {
	double q1, median, q3;
};

static inline int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of sorted values, between neighbours. */
static inline double bench_quantile(const double *v, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t i = (size_t)at;

	return i + 1 < n ? v[i] + (at - (double)i) * (v[i + 1] - v[i]) : v[n - 1];
}

/* Sorts v. */
static inline struct bench_quartiles bench_quartiles(double *v, size_t n)
{
	struct bench_quartiles q = {0, 0, 0};

	if (!n)
		return q;
	qsort(v, n, sizeof(*v), bench_compare);
	q.q1 = bench_quantile(v, n, 0.25);
	q.median = bench_quantile(v, n, 0.5);
	q.q3 = bench_quantile(v, n, 0.75);
	return q;
}

/* ---- rows --------------------------------------------------------------------------------- */

#define BENCH_REACHED         "reached"
#define BENCH_MISSED          "missed"
#define BENCH_UNRESOLVED      "not resolved"
#define BENCH_FOR_INFORMATION "-"

static inline const char *bench_verdict(bool reached)
{
	return reached ? BENCH_REACHED : BENCH_MISSED;
}

__attribute__((format(printf, 1, 2))) static inline void bench_row(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

__attribute__((format(printf, 1, 2))) static inline void bench_note(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* ---- rounds --------------------------------------------------------------------------------- */

/*
 * One round is A B A: without, with, without. What counts is B - (A1 + A2) / 2, so that a
 * drift of the machine falls out. In a null run B is A again, with the same switching on
 * and off before it: what such a run shows is noise, and no claim may be smaller.
 */
struct bench_aba {
	double (*phase)(void *ctx); /* a fixed amount of work; cost of one piece */
	void (*turn)(void *ctx, bool on);
	/* Nothing foreign on the path. False: the round is thrown away. May wait. */
	bool (*clean)(void *ctx);
	void *ctx;
	unsigned int rounds;
	uint64_t budget_ns; /* stops earlier, at no less than 50 rounds */
	bool null;
};

struct bench_diff {
	struct bench_quartiles base, diff, share; /* share: diff / base */
	unsigned int rounds, discarded;
};

static inline double bench_b_phase(const struct bench_aba *o)
{
	double v;

	o->turn(o->ctx, true);
	if (o->null)
		o->turn(o->ctx, false);
	v = o->phase(o->ctx);
	o->turn(o->ctx, false);
	return v;
}

static inline struct bench_diff bench_aba(const struct bench_aba *o)
{
	double *v = calloc(o->rounds * 3, sizeof(*v));
	double *base = v, *diff, *share;
	struct bench_diff r = {0};
	uint64_t start = bench_now();

	if (!v)
		bench_die("no memory");
	diff = v + o->rounds;
	share = diff + o->rounds;
	o->turn(o->ctx, false);
	while (r.rounds < o->rounds) {
		double a1, b, a2;

		if (++r.discarded > 2 * o->rounds)
			bench_die("foreign BPF programs come and go on the path");
		if (!o->clean(o->ctx))
			continue;
		a1 = o->phase(o->ctx);
		b = bench_b_phase(o);
		a2 = o->phase(o->ctx);
		if (!o->clean(o->ctx))
			continue;
		r.discarded--;
		base[r.rounds] = (a1 + a2) / 2;
		diff[r.rounds] = b - base[r.rounds];
		share[r.rounds] = diff[r.rounds] / base[r.rounds];
		r.rounds++;
		if (r.rounds >= 50 && bench_now() - start > o->budget_ns)
			break;
	}
	r.base = bench_quartiles(base, r.rounds);
	r.diff = bench_quartiles(diff, r.rounds);
	r.share = bench_quartiles(share, r.rounds);
	free(v);
	return r;
}

/* A difference is one only when its range is off 0 and its median outside the null run's. */
static inline bool bench_resolved(const struct bench_diff *d, const struct bench_diff *null)
{
	if (d->diff.q1 <= 0 && d->diff.q3 >= 0)
		return false;
	return d->diff.median < null->diff.q1 || d->diff.median > null->diff.q3;
}

static inline const char *bench_diff_verdict(const struct bench_diff *d,
                                             const struct bench_diff *null, bool reached)
{
	return bench_resolved(d, null) ? bench_verdict(reached) : BENCH_UNRESOLVED;
}

#endif
