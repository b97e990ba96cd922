/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 7: more drops than anybody can tell of, with the reader stopped for 5 s; then 50 000
 * different connections' drops a second with the reader running. Counted by whydrop per
 * reason and compared with the kernel's own counters of the same drops.
 */
#include "tests/bench/probes.h"
#include "tests/bench/storm.h"
#include "tests/bench/tracer.h"

#define SENDER_CPU 0
#define READER_CPU 1
#define STOPPED_NS 5000000000ull
#define PACED_NS   10000000000ull
#define PACED_RATE 50000ull

struct reasons {
	struct wd_kernel kernel;
	int fd;
	uint32_t rule, full, closed;
};

static uint32_t reason_of(const struct wd_kernel *k, const char *name)
{
	for (uint32_t i = 0; i < WD_REASON_SLOTS; i++)
		if (k->drop_reason[i] && strcmp(k->drop_reason[i], name) == 0)
			return i;
	bench_die("this kernel has no drop reason %s", name);
}

static struct wd_abi_reason_stat read_reason(const struct reasons *r, uint32_t reason)
{
	struct wd_abi_reason_stat s;

	if (wd_counters_reason(r->fd, reason, &s) < 0)
		bench_die("cannot read the reason counters");
	return s;
}

struct seen {
	struct wd_abi_reason_stat rule, full, closed, all;
	struct storm_counts kernel;
	uint64_t misses;
};

static void add(struct wd_abi_reason_stat *to, const struct wd_abi_reason_stat *s)
{
	to->hits += s->hits;
	to->delivered += s->delivered;
	to->aggregated += s->aggregated;
	to->filtered += s->filtered;
	to->lost_ring += s->lost_ring;
}

static struct seen look(const struct bench_tracer *t, const struct reasons *r,
                        const struct storm *storm)
{
	struct seen s = {
		.kernel = storm_counts(storm),
		.rule = read_reason(r, r->rule),
		.full = read_reason(r, r->full),
		.closed = read_reason(r, r->closed),
		.misses = bench_tracer_misses(t, "wd_kfree_skb"),
	};

	for (uint32_t i = 0; i < WD_REASON_SLOTS; i++) {
		struct wd_abi_reason_stat one = read_reason(r, i);

		add(&s.all, &one);
	}
	return s;
}

static bool adds_up(const struct wd_abi_reason_stat *s)
{
	return s->hits == s->delivered + s->aggregated + s->filtered + s->lost_ring;
}

/*
 * One reason: what whydrop counted from a to b, against what the kernel counted. Other
 * namespaces of this machine drop as well, but not for our targets: theirs are filtered.
 */
static void reason_row(const char *what, const struct wd_abi_reason_stat *a,
                       const struct wd_abi_reason_stat *b, bool target, uint64_t kernel,
                       uint64_t misses)
{
	uint64_t hits = b->hits - a->hits, filtered = b->filtered - a->filtered;
	uint64_t ours = target ? hits - filtered : hits;
	const char *verdict = bench_verdict(ours + misses == kernel && adds_up(a) && adds_up(b));

	if (!target && hits > kernel)
		verdict = BENCH_UNRESOLVED;
	bench_row("7\tstorm: %s\tkernel counted %llu\thits %llu = delivered %llu + aggregated %llu "
	          "+ filtered %llu + lost %llu\texact\t%s",
	          what, (unsigned long long)kernel, (unsigned long long)hits,
	          (unsigned long long)(b->delivered - a->delivered),
	          (unsigned long long)(b->aggregated - a->aggregated), (unsigned long long)filtered,
	          (unsigned long long)(b->lost_ring - a->lost_ring), verdict);
	if (ours != kernel)
		bench_note("%s: difference %lld, of which the kernel skipped %llu (recursion, "
		           "counted); the rest is other namespaces' where it is positive",
		           what, (long long)ours - (long long)kernel, (unsigned long long)misses);
}

static void storm_rows(const struct seen *a, const struct seen *b)
{
	uint64_t misses = b->misses - a->misses;

	reason_row("NETFILTER_DROP, every SYN another connection", &a->rule, &b->rule, true,
	           b->kernel.rule - a->kernel.rule, misses);
	reason_row("SOCKET_RCVBUFF, always the same", &a->full, &b->full, true,
	           b->kernel.full - a->kernel.full, misses);
	reason_row("NO_SOCKET, not a target", &a->closed, &b->closed, false,
	           b->kernel.closed - a->kernel.closed, misses);
}

static void stopped_reader(struct bench_tracer *t, const struct reasons *r, struct storm *storm)
{
	uint64_t rss = bench_tracer_status(t, "VmRSS"), start, took, n = 0;
	struct seen a = look(t, r, storm), b;

	kill(t->pid, SIGSTOP);
	start = bench_now();
	while (bench_now() - start < STOPPED_NS) {
		for (unsigned int i = 0; i < 64; i++) {
			storm_send_syn(storm);
			for (unsigned int k = 0; k < 6; k++)
				storm_send_full(storm);
			storm_send_closed(storm);
			n += 8;
		}
	}
	took = bench_now() - start;
	kill(t->pid, SIGCONT);
	for (unsigned int i = 0; i < 20; i++) {
		bench_sleep(100000000);
	}
	b = look(t, r, storm);
	bench_row("7\tdrop storm, reader stopped for 5 s\t-\t%.0f drops/s\t>= 200 k/s\t%s",
	          (double)n * 1e9 / (double)took,
	          bench_verdict((double)n * 1e9 / (double)took >= 200e3));
	storm_rows(&a, &b);
	bench_row("7\tRSS before and after\t%.1f MB\t%.1f MB (peak %.1f)\tbounded\t%s",
	          (double)rss / 1024, (double)bench_tracer_status(t, "VmRSS") / 1024,
	          (double)bench_tracer_status(t, "VmHWM") / 1024,
	          bench_verdict(bench_tracer_status(t, "VmRSS") <= 64 * 1024));
}

static void running_reader(struct bench_tracer *t, const struct reasons *r, struct storm *storm)
{
	struct seen a = look(t, r, storm), b;
	clockid_t clock = bench_cpu_clock(t->pid);
	uint64_t cpu = bench_clock(clock), start = bench_now(), sent = 0, took, lines = t->lines,
		 lost;

	while ((took = bench_now() - start) < PACED_NS) {
		for (; sent < took * PACED_RATE / 1000000000ull; sent++)
			storm_send_syn(storm);
		bench_sleep(500000);
	}
	cpu = bench_clock(clock) - cpu;
	for (unsigned int i = 0; i < 10; i++) {
		bench_sleep(100000000);
	}
	b = look(t, r, storm);
	lost = b.all.lost_ring - a.all.lost_ring + b.misses - a.misses;
	bench_row("7\t%.0f drops/s of different connections, 10 s\tkernel counted %llu\tdelivered "
	          "%llu"
	          ", lost %llu\t0 lost\t%s",
	          (double)sent * 1e9 / (double)took,
	          (unsigned long long)(b.kernel.rule - a.kernel.rule),
	          (unsigned long long)(b.rule.delivered - a.rule.delivered),
	          (unsigned long long)lost, bench_verdict(lost == 0));
	bench_note("reader: %.0f %% of a core; %llu findings written meanwhile",
	           100.0 * (double)cpu / (double)took, (unsigned long long)(t->lines - lines));
}

int main(void)
{
	struct bench_tracer t;
	struct storm storm;
	struct reasons r;
	uint64_t stop;

	bench_pin(SENDER_CPU);
	bench_wait_alone(NULL);
	if (wd_kernel_read(&r.kernel) < 0)
		bench_die("no kernel BTF");
	r.rule = reason_of(&r.kernel, "NETFILTER_DROP");
	r.full = reason_of(&r.kernel, "SOCKET_RCVBUFF");
	r.closed = reason_of(&r.kernel, "NO_SOCKET");
	storm_open(&storm);
	for (unsigned int i = 0; i < 256; i++)
		storm_send_full(&storm);
	/* the two dropped ports are targets, the closed one is not */
	bench_tracer_start(&t, READER_CPU, STORM_SERVER ":7091 " STORM_SERVER ":7092");
	r.fd = bench_tracer_map(&t, "wd_reason_stats");
	stopped_reader(&t, &r, &storm);
	running_reader(&t, &r, &storm);
	stop = bench_tracer_stop(&t);
	bench_row("15\tSIGTERM to exit, after the storm\t-\t%.0f ms\t<= 500 ms\t%s",
	          (double)stop / 1e6, bench_verdict(stop <= 500000000));
	close(r.fd);
	return 0;
}
