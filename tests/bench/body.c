/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs alone: their size, and the time of their bodies by the kernel's own
 * statistics (which leave out dispatch and add some 20-60 ns to each run), in runs of
 * their own (the least of ten): healthy connections over loopback, then drops at a full socket.
 */
#include <linux/bpf.h>

#include "tests/bench/net.h"
#include "tests/bench/probes.h"

#define CPU         0
#define CONNECTIONS 2000
#define DROPS       20000
#define TIMES       10

static void connections(void)
{
	struct sockaddr_in a = bench_addr("127.0.0.1", 7083);
	int listener = bench_bound(SOCK_STREAM, &a);

	for (unsigned int i = 0; i < CONNECTIONS; i++) {
		int c = bench_connected(SOCK_STREAM, &a), s = accept(listener, NULL, NULL);

		if (s < 0 || shutdown(c, SHUT_WR) < 0)
			bench_die("accept: %s", strerror(errno));
		close(s);
		close(c);
	}
	close(listener);
}

static void drops(void)
{
	static const char data[64];
	struct sockaddr_in a = bench_addr("127.0.0.1", 7084);
	int receiver, fd = bench_full_socket(&a, &receiver);

	for (unsigned int i = 0; i < DROPS; i++)
		if (send(fd, data, sizeof(data), 0) < 0)
			bench_die("send: %s", strerror(errno));
	close(fd);
	close(receiver);
}

static void sizes(const struct bench_probes *p)
{
	for (unsigned int i = 0; i < p->n; i++) {
		struct bpf_prog_info info = bench_prog_info(p->link[i].prog_fd);

		bench_row("-\tprogram %s\t-\t%u instructions verified, %u bytes of machine "
		          "code\t-\t%s",
		          p->link[i].name, info.verified_insns, info.jited_prog_len,
		          BENCH_FOR_INFORMATION);
	}
}

/* The least of TIMES runs: what the rest is longer is somebody else's. */
static void bodies(const struct bench_probes *p, const char *what, void (*work)(void),
                   unsigned int count)
{
	double ns[WD_POINT_MAX], runs[WD_POINT_MAX];

	for (unsigned int k = 0; k < TIMES; k++) {
		struct bpf_prog_info before[WD_POINT_MAX];

		for (unsigned int i = 0; i < p->n; i++)
			before[i] = bench_prog_info(p->link[i].prog_fd);
		work();
		for (unsigned int i = 0; i < p->n; i++) {
			struct bpf_prog_info now = bench_prog_info(p->link[i].prog_fd);
			double r = (double)(now.run_cnt - before[i].run_cnt),
			       t = (double)(now.run_time_ns - before[i].run_time_ns) / r;

			if (k == 0 || (r > 0 && t < ns[i])) {
				ns[i] = t;
				runs[i] = r / count;
			}
		}
	}
	for (unsigned int i = 0; i < p->n; i++)
		if (runs[i] > 0.01)
			bench_row("-\tbody of %s\t-\t%.1f runs each %s, %.0f ns a run = %.0f "
			          "ns\t-\t%s",
			          p->link[i].name, runs[i], what, ns[i], ns[i] * runs[i],
			          BENCH_FOR_INFORMATION);
}

int main(void)
{
	struct bench_probes probes;
	int stats;

	bench_pin(CPU);
	bench_wait_alone(NULL);
	bench_ns_new();
	bench_sysctl("net/ipv4/tcp_max_tw_buckets", "0");
	bench_probes_open(&probes, "all", WD_POINT_MAX);
	sizes(&probes);
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (stats < 0)
		bench_die("bpf_enable_stats: %s", strerror(errno));
	bodies(&probes, "connection", connections, CONNECTIONS);
	bodies(&probes, "drop", drops, DROPS);
	close(stats);
	bench_probes_close(&probes);
	return 0;
}
