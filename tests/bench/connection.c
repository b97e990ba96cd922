/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 1: what a healthy TCP connection costs more while it is watched: socket, connect,
 * accept, both sides' FIN, close, in one thread, over loopback and over a veth between two
 * namespaces. CPU time of that thread and of its CPU's ksoftirqd.
 */
#include "tests/bench/net.h"
#include "tests/bench/probes.h"

#define CPU          0
#define PORT         7080
#define CONNECTIONS  300
#define WARM_UP      30
#define ROUNDS       200
#define BUDGET_NS    9000000000ull
#define TARGET_NS    1500.0
#define TARGET_SHARE 0.05

struct lane {
	const char *name, *ip;
	int listener, ns;
	struct sockaddr_in to;
	clockid_t softirq;
	struct bench_probes *probes;
	uint64_t watched; /* connections made while the probes were on */
};

static void connection(struct lane *l)
{
	int c = bench_connected(SOCK_STREAM, &l->to), s = accept(l->listener, NULL, NULL);

	/* the client ends first; both FINs are answered before its close(2), so that neither a
	 * TIME_WAIT of a minute nor a reset is left */
	if (s < 0 || shutdown(c, SHUT_WR) < 0)
		bench_die("accept: %s", strerror(errno));
	close(s);
	close(c);
}

static uint64_t cpu_ns(const struct lane *l)
{
	return bench_clock(CLOCK_THREAD_CPUTIME_ID) + bench_clock(l->softirq);
}

static double phase(void *ctx)
{
	struct lane *l = ctx;
	uint64_t start;

	for (unsigned int i = 0; i < WARM_UP; i++)
		connection(l);
	start = cpu_ns(l);
	for (unsigned int i = 0; i < CONNECTIONS; i++)
		connection(l);
	if (l->probes->on)
		l->watched += CONNECTIONS + WARM_UP;
	return (double)(cpu_ns(l) - start) / CONNECTIONS;
}

static void turn(void *ctx, bool on)
{
	bench_probes_turn(((struct lane *)ctx)->probes, on);
}

static bool clean(void *ctx)
{
	const struct bench_probes *own = ((struct lane *)ctx)->probes;
	bool was = !bench_foreign(own);

	if (!was)
		bench_wait_alone(own);
	return was;
}

static struct bench_diff measure(struct lane *l, bool null)
{
	struct bench_aba o = {
		.phase = phase,
		.turn = turn,
		.clean = clean,
		.ctx = l,
		.rounds = ROUNDS,
		.budget_ns = BUDGET_NS,
		.null = null,
	};

	return bench_aba(&o);
}

struct variant {
	const char *name, *targets;
	enum wd_point without;
	bool tracked;
};

static void check(struct lane *l, const struct variant *v, const struct wd_stats *s)
{
	uint64_t want = v->tracked ? l->watched : 0;

	/* other connections of this machine count too, where everything is a target */
	if (s->conn_tracked < want || (!v->targets[3] ? 0 : s->conn_tracked != want))
		bench_die("%s, %s: %llu connections tracked, not %llu", l->name, v->name,
		          (unsigned long long)s->conn_tracked, (unsigned long long)want);
	if (s->conn_delivered && v->targets[3])
		bench_die("%s, %s: %llu records of healthy connections", l->name, v->name,
		          (unsigned long long)s->conn_delivered);
}

static void show(const struct lane *l, const struct variant *v, const struct bench_diff *d,
                 const struct bench_diff *null)
{
	bool reached = d->diff.median <= TARGET_NS && d->share.median <= TARGET_SHARE;

	bench_row("1\tconnection, %s, %s\t%.1f us\t%+.0f ns [%+.0f, %+.0f] = %+.1f %%\t<= 1.5 us, "
	          "5 %%"
	          "\t%s",
	          l->name, v->name, d->base.median / 1e3, d->diff.median, d->diff.q1, d->diff.q3,
	          100 * d->share.median, bench_diff_verdict(d, null, reached));
}

static void run_variant(struct lane *l, const struct variant *v, const struct bench_diff *null)
{
	struct bench_probes probes;
	struct bench_diff d;
	struct wd_stats s;

	bench_probes_open(&probes, v->targets, v->without);
	l->probes = &probes;
	l->watched = 0;
	d = measure(l, false);
	s = bench_probes_stats(&probes);
	check(l, v, &s);
	show(l, v, &d, null);
	if (d.rounds < ROUNDS || d.discarded)
		bench_note("%u rounds, %u discarded", d.rounds, d.discarded);
	bench_probes_close(&probes);
}

static void run_lane(struct lane *l)
{
	char exact[64];
	const struct variant variants[] = {
		{"target all", "all", WD_POINT_MAX, true},
		{"exact target", exact, WD_POINT_MAX, true},
		{"not a target (address)", "203.0.113.7:443", WD_POINT_MAX, false},
		{"not a target (address and prefix)", "203.0.113.7:443 198.51.100.0/24",
	         WD_POINT_MAX, false},
		{"target all, without the connect probe", "all", WD_POINT_CONNECT, true},
		{"not a target, without the connect probe", "203.0.113.7:443", WD_POINT_CONNECT,
	         false},
	};
	struct bench_probes probes;
	struct bench_diff null;
	uint64_t resets = bench_snmp("Tcp", "OutRsts");

	snprintf(exact, sizeof(exact), "%s:%d", l->ip, PORT);
	bench_probes_open(&probes, "all", WD_POINT_MAX);
	l->probes = &probes;
	null = measure(l, true);
	bench_probes_close(&probes);
	bench_row("1\tconnection, %s, null run (A/A)\t%.1f us\t%+.0f ns [%+.0f, %+.0f]\t0\t%s",
	          l->name, null.base.median / 1e3, null.diff.median, null.diff.q1, null.diff.q3,
	          BENCH_FOR_INFORMATION);
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++)
		run_variant(l, &variants[i], &null);
	if (bench_snmp("Tcp", "OutRsts") != resets)
		bench_note("%s: connections were reset: not all were healthy", l->name);
}

static void lane_listen(struct lane *l)
{
	l->to = bench_addr(l->ip, PORT);
	l->listener = bench_bound(SOCK_STREAM, &l->to);
	l->softirq = bench_softirq_clock(CPU);
	/* TIME_WAIT holds a port for a minute: 20 000 connections a second have no such time */
	bench_sysctl("net/ipv4/tcp_max_tw_buckets", "0");
}

int main(void)
{
	struct lane loopback = {.name = "loopback", .ip = "127.0.0.1"};
	struct lane veth = {.name = "veth", .ip = "10.79.0.2"};
	int client, server;

	bench_pin(CPU);
	bench_wait_alone(NULL);
	server = bench_ns_new();
	client = bench_ns_new();
	bench_veth("c0", "10.79.0.1/24", server, "s0", "10.79.0.2/24");
	lane_listen(&loopback);
	bench_ns_enter(server);
	lane_listen(&veth);
	bench_ns_enter(client);
	run_lane(&loopback);
	run_lane(&veth);
	return 0;
}
