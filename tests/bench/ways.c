/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 1 by the way in which the probes are attached: each way against the typed tracepoints,
 * in one run. Of every point that offers the way it is forced; the others stay as they are by
 * default, and the points that only fentry and kprobes offer are left out of the tracepoint
 * ways, as on a kernel without them.
 *
 * What the ways differ in can be seen only on a kernel that has them all, and those run in an
 * emulator here (tests/kernels/run --kernel 6.12 --exec build/tests/bench/ways --add
 * build/tests/bench/ways=build/tests/bench/ways): ratios count, not nanoseconds.
 */
#include "tests/bench/net.h"
#include "tests/bench/probes.h"

#define PORT        7081
#define CONNECTIONS 200
#define ROUNDS_MAX  64

struct option_of_way {
	const char *name;
	enum wd_way way;
	bool functions; /* keep the points that only fentry and kprobes offer */
	double added[ROUNDS_MAX];
	bool failed;
};

static struct sockaddr_in to;
static int listener;
static clockid_t softirq;

static double per_connection(void)
{
	uint64_t start = 0;

	for (unsigned int i = 0; i < 20 + CONNECTIONS; i++) {
		int c, s;

		if (i == 20)
			start = bench_clock(CLOCK_THREAD_CPUTIME_ID) + bench_clock(softirq);
		c = bench_connected(SOCK_STREAM, &to);
		s = accept(listener, NULL, NULL);
		if (s < 0 || shutdown(c, SHUT_WR) < 0)
			bench_die("accept: %s", strerror(errno));
		close(s);
		close(c);
	}
	return (double)(bench_clock(CLOCK_THREAD_CPUTIME_ID) + bench_clock(softirq) - start) /
	       CONNECTIONS;
}

static struct wd_probe *open_by(const struct option_of_way *w)
{
	static struct wd_targets all = {.all = true};
	struct wd_probe_options o = {.targets = &all};
	char err[WD_PROBE_ERRLEN];
	struct wd_probe *p;

	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		enum wd_point point = (enum wd_point)i;
		bool tracepoint = wd_point_offers(point, WD_WAY_RAW_TP);

		if (wd_point_kind(point) == WD_KIND_DEMAND)
			continue;
		o.forced[i] = wd_point_offers(point, w->way) || (!tracepoint && !w->functions);
		o.force[i] = wd_point_offers(point, w->way) ? w->way : WD_WAY_NONE;
	}
	return wd_probe_open(&o, &p, err) < 0 ? NULL : p;
}

static void measure(struct option_of_way *w, unsigned int round)
{
	double before = per_connection(), during, after;
	struct wd_probe *p = open_by(w);

	if (!p || (w->functions && wd_probe_way(p, WD_POINT_TCP_CONNECT) == WD_WAY_NONE) ||
	    wd_probe_way(p, WD_POINT_CONNECT) != w->way) {
		w->failed = true;
		wd_probe_close(p);
		return;
	}
	during = per_connection();
	wd_probe_close(p);
	after = per_connection();
	w->added[round] = during - (before + after) / 2;
}

int main(int argc, char **argv)
{
	static struct option_of_way ways[] = {
		{.name = "tp_btf", .way = WD_WAY_TP_BTF},
		{.name = "fentry and fexit", .way = WD_WAY_FENTRY, .functions = true},
		{.name = "raw_tp", .way = WD_WAY_RAW_TP},
		{.name = "kprobe and kretprobe", .way = WD_WAY_KPROBE, .functions = true},
		{.name = "tracepoint", .way = WD_WAY_TRACEPOINT},
	};
	const size_t n = sizeof(ways) / sizeof(ways[0]);
	unsigned int rounds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 15;
	double base[ROUNDS_MAX];
	struct bench_quartiles b, reference = {0};

	rounds = rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX;
	bench_pin(0);
	bench_ns_enter(bench_ns_new());
	to = bench_addr("127.0.0.1", PORT);
	listener = bench_bound(SOCK_STREAM, &to);
	softirq = bench_softirq_clock(0);
	bench_sysctl("net/ipv4/tcp_max_tw_buckets", "0");
	for (unsigned int r = 0; r < rounds; r++) {
		base[r] = per_connection();
		for (size_t i = 0; i < n; i++)
			if (!ways[i].failed)
				measure(&ways[i], r);
	}
	b = bench_quartiles(base, rounds);
	for (size_t i = 0; i < n; i++) {
		struct bench_quartiles q;

		if (ways[i].failed) {
			bench_row("1\tconnection, by %s\t-\tnot to be had on this kernel\t-\t%s",
			          ways[i].name, BENCH_FOR_INFORMATION);
			continue;
		}
		q = bench_quartiles(ways[i].added, rounds);
		if (i == 0)
			reference = q;
		bench_row(
			"1\tconnection, by %s\t%.1f us\t%+.0f ns [%+.0f, %+.0f] = %.2f of tp_btf\t-"
			"\t%s",
			ways[i].name, b.median / 1e3, q.median, q.q1, q.q3,
			q.median / reference.median, BENCH_FOR_INFORMATION);
	}
	return 0;
}
