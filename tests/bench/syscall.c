/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the connect probe (the exit of system calls) costs every system call of the node:
 * getppid(2), which does next to nothing itself.
 */
#include <sys/syscall.h>

#include "tests/bench/net.h"
#include "tests/bench/probes.h"

#define CPU       0
#define CALLS     40000
#define ROUNDS    200
#define BUDGET_NS 12000000000ull

static double phase(void *ctx)
{
	uint64_t start;

	(void)ctx;
	for (unsigned int i = 0; i < CALLS / 10; i++)
		syscall(SYS_getppid);
	start = bench_clock(CLOCK_THREAD_CPUTIME_ID);
	for (unsigned int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	return (double)(bench_clock(CLOCK_THREAD_CPUTIME_ID) - start) / CALLS;
}

static void turn(void *ctx, bool on)
{
	bench_probes_turn(ctx, on);
}

static bool clean(void *ctx)
{
	bool was = !bench_foreign(ctx);

	if (!was)
		bench_wait_alone(ctx);
	return was;
}

static struct bench_diff measure(enum wd_point without, bool null)
{
	struct bench_probes probes;
	struct bench_aba o = {
		.phase = phase,
		.turn = turn,
		.clean = clean,
		.ctx = &probes,
		.rounds = ROUNDS,
		.budget_ns = BUDGET_NS,
		.null = null,
	};
	struct bench_diff d;

	bench_probes_open(&probes, "203.0.113.7:443", without);
	d = bench_aba(&o);
	bench_probes_close(&probes);
	return d;
}

static void show(const char *what, const struct bench_diff *d, const char *verdict)
{
	bench_row("1\tany system call, %s\t%.1f ns\t%+.1f ns [%+.1f, %+.1f]\tnone set\t%s", what,
	          d->base.median, d->diff.median, d->diff.q1, d->diff.q3, verdict);
}

int main(void)
{
	struct bench_diff null, all, without;

	bench_pin(CPU);
	bench_wait_alone(NULL);
	null = measure(WD_POINT_MAX, true);
	all = measure(WD_POINT_MAX, false);
	without = measure(WD_POINT_CONNECT, false);
	show("null run (A/A)", &null, BENCH_FOR_INFORMATION);
	show("all probes", &all,
	     bench_resolved(&all, &null) ? BENCH_FOR_INFORMATION : BENCH_UNRESOLVED);
	show("without the connect probe", &without,
	     bench_resolved(&without, &null) ? BENCH_FOR_INFORMATION : BENCH_UNRESOLVED);
	return 0;
}
