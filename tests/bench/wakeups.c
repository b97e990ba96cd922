/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows 6 and 8: how often `whydrop trace` wakes up and what CPU it takes, at idle, at 10 000
 * healthy connections a second, and in storms of drops of one and of many connections.
 */
#include "tests/bench/probes.h"
#include "tests/bench/storm.h"
#include "tests/bench/tracer.h"

#define LOAD_CPU   0
#define TRACER_CPU 1
#define LOAD_NS    8000000000ull
#define WAKEUPS    50.0

struct load {
	const char *what;
	double cpu_target; /* share of a core; 0: none set */
	uint64_t rate;     /* 0: idle; UINT64_MAX: as fast as can be */
	void (*one)(struct load *l);
	struct storm *storm;
	int listener;
	struct sockaddr_in to;
};

static void one_connection(struct load *l)
{
	int c = bench_connected(SOCK_STREAM, &l->to), s = accept(l->listener, NULL, NULL);

	if (s < 0 || shutdown(c, SHUT_WR) < 0)
		bench_die("accept: %s", strerror(errno));
	close(s);
	close(c);
}

static void one_drop(struct load *l)
{
	storm_send_full(l->storm);
}

static void one_syn(struct load *l)
{
	storm_send_syn(l->storm);
}

/* How many were made. */
static uint64_t make_load(struct load *l)
{
	uint64_t start = bench_now(), took, n = 0;

	while ((took = bench_now() - start) < LOAD_NS) {
		uint64_t until = l->rate == UINT64_MAX ? n + 256 : took / 1000 * l->rate / 1000000;

		for (; n < until; n++)
			l->one(l);
		if (!l->rate)
			bench_sleep(100000000);
		else if (l->rate != UINT64_MAX)
			bench_sleep(500000);
	}
	return n;
}

static void measure(struct load *l, struct bench_tracer *t)
{
	clockid_t clock = bench_cpu_clock(t->pid);
	uint64_t wakes = bench_tracer_status(t, "voluntary_ctxt_switches");
	uint64_t cpu = bench_clock(clock), start = bench_now(), n = make_load(l);
	double seconds = (double)(bench_now() - start) / 1e9, share, rate;

	share = (double)(bench_clock(clock) - cpu) / 1e9 / seconds;
	rate = (double)(bench_tracer_status(t, "voluntary_ctxt_switches") - wakes) / seconds;
	bench_row("6\twake-ups, %s\t%.0f/s made\t%.1f/s\t<= 50/s\t%s", l->what, (double)n / seconds,
	          rate, bench_verdict(rate <= WAKEUPS));
	if (l->cpu_target > 0)
		bench_row("8\tCPU of whydrop, %s\t%.0f/s made\t%.3f %% of a core\t<= %.1f %%\t%s",
		          l->what, (double)n / seconds, 100 * share, 100 * l->cpu_target,
		          bench_verdict(share <= l->cpu_target));
	else
		bench_row("8\tCPU of whydrop, %s\t%.0f/s made\t%.1f %% of a core\tnone set\t%s",
		          l->what, (double)n / seconds, 100 * share, BENCH_FOR_INFORMATION);
}

int main(void)
{
	struct bench_tracer t;
	struct storm storm;
	struct load loads[] = {
		{.what = "idle", .cpu_target = 0.001},
		{.what = "healthy connections",
	         .cpu_target = 0.02,
	         .rate = 10000,
	         .one = one_connection},
		{.what = "drops, always the same", .rate = UINT64_MAX, .one = one_drop},
		{.what = "drops, each of another connection", .rate = 50000, .one = one_syn},
	};

	bench_pin(LOAD_CPU);
	bench_wait_alone(NULL);
	storm_open(&storm);
	bench_sysctl("net/ipv4/tcp_max_tw_buckets", "0");
	loads[1].to = bench_addr("127.0.0.1", 7094);
	loads[1].listener = bench_bound(SOCK_STREAM, &loads[1].to);
	bench_tracer_start(&t, TRACER_CPU, "all");
	bench_sleep(1000000000);
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		loads[i].storm = &storm;
		measure(&loads[i], &t);
	}
	bench_tracer_stop(&t);
	return 0;
}
