/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 2: what a dropped packet costs more. Always the same tuple, so that the kernel side
 * counts all but the first (aggregated), or nobody's target (filtered). CPU time of the
 * sending thread, in which the whole path runs, and of its CPU's ksoftirqd.
 */
#include "tests/bench/net.h"
#include "tests/bench/probes.h"

#define CPU       0
#define PORT      7081
#define DROPS     3000
#define WARM_UP   100
#define ROUNDS    200
#define BUDGET_NS 8000000000ull
#define TARGET_NS 400.0

struct lane {
	const char *name;
	int fd;
	bool refused; /* send(2) itself reports the drop */
	clockid_t softirq;
	struct bench_probes *probes;
	uint64_t watched;
};

static void drop(const struct lane *l)
{
	static const char data[64];

	if ((send(l->fd, data, sizeof(data), MSG_DONTWAIT) < 0) != l->refused)
		bench_die("%s: send: %s", l->name, strerror(errno));
}

static double phase(void *ctx)
{
	struct lane *l = ctx;
	uint64_t start;

	for (unsigned int i = 0; i < WARM_UP; i++)
		drop(l);
	start = bench_clock(CLOCK_THREAD_CPUTIME_ID) + bench_clock(l->softirq);
	for (unsigned int i = 0; i < DROPS; i++)
		drop(l);
	if (l->probes->on)
		l->watched += DROPS + WARM_UP;
	return (double)(bench_clock(CLOCK_THREAD_CPUTIME_ID) + bench_clock(l->softirq) - start) /
	       DROPS;
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

static struct bench_diff measure(struct lane *l, const char *targets, bool null,
                                 struct wd_stats *ret_stats)
{
	struct bench_probes probes;
	struct bench_aba o = {
		.phase = phase,
		.turn = turn,
		.clean = clean,
		.ctx = l,
		.rounds = ROUNDS,
		.budget_ns = BUDGET_NS,
		.null = null,
	};
	struct bench_diff d;

	bench_probes_open(&probes, targets, WD_POINT_MAX);
	l->probes = &probes;
	l->watched = 0;
	d = bench_aba(&o);
	*ret_stats = bench_probes_stats(&probes);
	bench_probes_close(&probes);
	return d;
}

static void show(const struct lane *l, const char *what, const struct bench_diff *d,
                 const char *verdict)
{
	bench_row("2\tdrop, %s, %s\t%.0f ns\t%+.0f ns [%+.0f, %+.0f]\t%s\t%s", l->name, what,
	          d->base.median, d->diff.median, d->diff.q1, d->diff.q3,
	          verdict[0] == '-' ? "0" : "<= 400 ns", verdict);
}

static void run_lane(struct lane *l)
{
	struct bench_diff null, d;
	struct wd_stats s;

	null = measure(l, "all", true, &s);
	show(l, "null run (A/A)", &null, BENCH_FOR_INFORMATION);
	d = measure(l, "all", false, &s);
	if (s.drop_aggregated + 8 < l->watched)
		bench_die("%s: %llu of %llu drops aggregated", l->name,
		          (unsigned long long)s.drop_aggregated, (unsigned long long)l->watched);
	show(l, "aggregated", &d, bench_diff_verdict(&d, &null, d.diff.median <= TARGET_NS));
	d = measure(l, "203.0.113.7:443", false, &s);
	if (s.drop_filtered < l->watched)
		bench_die("%s: %llu of %llu drops filtered", l->name,
		          (unsigned long long)s.drop_filtered, (unsigned long long)l->watched);
	show(l, "not a target", &d, bench_diff_verdict(&d, &null, d.diff.median <= TARGET_NS));
}

/* client -> veth -> node, which would forward it to another device, but drops it by a rule. */
static void forwarded(int node)
{
	bench_veth("c0", "10.79.1.1/24", node, "n0", "10.79.1.2/24");
	bench_sh("ip route add default via 10.79.1.2");
	bench_ns_enter(node);
	bench_sysctl("net/ipv4/ip_forward", "1");
	bench_sh("ip link add d0 type veth peer name d1 && ip addr add 10.79.2.1/24 dev d0 && ip "
	         "link set d0 up"
	         " && ip neigh add 10.79.2.2 lladdr 02:00:00:00:00:02 dev d0");
	bench_sh("nft add table ip t && "
	         "nft 'add chain ip t f { type filter hook forward priority 0; }' && "
	         "nft add rule ip t f udp dport %d drop",
	         PORT);
}

int main(void)
{
	struct lane full = {.name = "full UDP socket"};
	struct lane output = {.name = "rule in OUTPUT", .refused = true};
	struct lane forward = {.name = "rule in FORWARD"};
	struct sockaddr_in a = bench_addr("127.0.0.1", PORT), b = bench_addr("127.0.0.1", 7082),
			   c = bench_addr("10.79.2.2", PORT);
	int node, client, receiver;

	bench_pin(CPU);
	bench_wait_alone(NULL);
	full.softirq = output.softirq = forward.softirq = bench_softirq_clock(CPU);
	node = bench_ns_new();
	client = bench_ns_new();
	full.fd = bench_full_socket(&a, &receiver);
	forwarded(node);
	bench_ns_enter(client);
	bench_sh("nft add table ip t && "
	         "nft 'add chain ip t o { type filter hook output priority 0; }' && "
	         "nft add rule ip t o udp dport 7082 drop");
	output.fd = bench_connected(SOCK_DGRAM, &b);
	forward.fd = bench_connected(SOCK_DGRAM, &c);
	run_lane(&full);
	run_lane(&output);
	run_lane(&forward);
	close(receiver);
	return 0;
}
