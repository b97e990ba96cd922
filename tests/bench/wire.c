/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 4: what a packet hook costs a packet, over a program that does nothing. The product's own
 * programs, loaded by it and attached to loopback in a namespace of their own, are run by
 * BPF_PROG_TEST_RUN in turn with the empty one. The kernel's own time of the loop is taken, in
 * whole nanoseconds a packet: the way into it costs half a millisecond for XDP.
 *
 * The row is about packets that have nothing to tell, which is nearly all. The others are
 * shown for information: they may happen 4096 times a second and CPU at most.
 */
#include <arpa/inet.h>
#include <net/if.h>

#include "probe/hooks.h"
#include "tests/bench/net.h"
#include "tests/bench/probes.h"

#define CPU       0
#define ROUNDS    200
#define REPEAT    20000
#define RECORDS   900 /* a round of recorded packets; see WD_WIRE_RATE */
#define TARGET_NS 15.0

#define ACT_UNSPEC 0xffffffffu
#define PASS       2u

/* ---- frames ---------------------------------------------------------------------------- */

struct frame {
	uint8_t b[256];
	uint32_t len;
};

static void put(struct frame *f, const void *data, size_t n)
{
	memcpy(f->b + f->len, data, n);
	f->len += (uint32_t)n;
}

static void put_ip(struct frame *f, bool v6, uint8_t proto, const char *to, uint16_t payload)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	uint8_t ip4[20] = {0x45, [8] = 64, proto}, ip6[40] = {0x60, [6] = proto, 64};
	uint16_t type = htons(v6 ? 0x86dd : 0x0800), len = htons(v6 ? payload : 20 + payload);

	f->len = 0;
	put(f, macs, sizeof(macs));
	put(f, &type, sizeof(type));
	if (v6) {
		memcpy(ip6 + 4, &len, 2);
		if (inet_pton(AF_INET6, "fd00::9", ip6 + 8) != 1 ||
		    inet_pton(AF_INET6, to, ip6 + 24) != 1)
			bench_die("bad address %s", to);
		put(f, ip6, sizeof(ip6));
	} else {
		memcpy(ip4 + 2, &len, 2);
		if (inet_pton(AF_INET, "192.0.2.9", ip4 + 12) != 1 ||
		    inet_pton(AF_INET, to, ip4 + 16) != 1)
			bench_die("bad address %s", to);
		put(f, ip4, sizeof(ip4));
	}
}

static struct frame tcp(bool v6, const char *to, uint8_t flags)
{
	uint8_t h[20] = {0x9c, 0x40, 0x01, 0xbb, [12] = 0x50, flags}, data[100] = {0};
	struct frame f;

	put_ip(&f, v6, 6, to, sizeof(h) + sizeof(data));
	put(&f, h, sizeof(h));
	put(&f, data, sizeof(data));
	return f;
}

static struct frame udp(const char *to, uint16_t port)
{
	uint8_t h[8] = {0x9c, 0x40, (uint8_t)(port >> 8), (uint8_t)port, 0, 108}, data[100] = {0};
	struct frame f;

	put_ip(&f, false, 17, to, sizeof(h) + sizeof(data));
	put(&f, h, sizeof(h));
	put(&f, data, sizeof(data));
	return f;
}

/* ---- programs --------------------------------------------------------------------------- */

static int empty_program(enum bpf_prog_type type, int verdict)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(type, "bench_empty", "Dual BSD/GPL", code, 2, NULL);

	if (fd < 0)
		bench_die("load an empty program: %s", strerror(errno));
	return fd;
}

/* Of those that this process holds a link of. */
static int own_program(const char *name)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	int found = -1;

	while (d && found < 0 && (e = readdir(d))) {
		struct bench_link l;

		if (!bench_link_read((int)strtol(e->d_name, NULL, 10), &l))
			continue;
		bench_link_complete(&l);
		if (strcmp(l.name, name) == 0)
			found = l.prog_fd;
		else
			close(l.prog_fd);
	}
	if (d)
		closedir(d);
	if (found < 0)
		bench_die("%s is not attached", name);
	return found;
}

static double run(int fd, const struct frame *f, unsigned int repeat, uint32_t verdict)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f->b, .data_size_in = f->len,
	            .repeat = (int)repeat);

	if (bpf_prog_test_run_opts(fd, &o) < 0)
		bench_die("run: %s", strerror(errno));
	if (o.retval != verdict)
		bench_die("verdict %u", o.retval);
	return (double)o.duration;
}

/* ---- rows ------------------------------------------------------------------------------- */

struct bench {
	struct bench_probes probes;
	struct wd_hooks *hooks;
};

struct hook {
	const char *name;
	int fd, empty;
	uint32_t verdict;
};

static void wait_for_room(struct bench *b)
{
	static uint64_t until;

	while (bench_now() < until)
		bench_sleep(10000000);
	wd_hooks_heartbeat(b->hooks, bench_now());
	wd_probe_poll(b->probes.probe, 1u << 20, bench_ignore_event, NULL);
	/* RECORDS in a fourth of a window */
	until = bench_now() + 270000000;
}

static struct bench_quartiles measure(struct bench *b, const struct hook *h, const struct frame *f,
                                      bool recorded)
{
	unsigned int rounds = recorded ? 40 : ROUNDS, repeat = recorded ? RECORDS : REPEAT;
	struct wd_hooks_counts before = wd_hooks_counts(b->hooks), after;
	double diff[ROUNDS];

	for (unsigned int i = 0; i < rounds; i++) {
		double a1, hook;

		if (recorded)
			wait_for_room(b);
		a1 = run(h->empty, f, repeat, h->verdict);
		hook = run(h->fd, f, repeat, h->verdict);
		diff[i] = hook - (a1 + run(h->empty, f, repeat, h->verdict)) / 2;
	}
	after = wd_hooks_counts(b->hooks);
	if (after.delivered - before.delivered != (recorded ? rounds * repeat : 0) ||
	    after.lost != before.lost)
		bench_die("%llu records, %llu lost",
		          (unsigned long long)(after.delivered - before.delivered),
		          (unsigned long long)(after.lost - before.lost));
	return bench_quartiles(diff, rounds);
}

static void row(struct bench *b, const struct hook *h, const char *what, const struct frame *f,
                bool judged, bool recorded)
{
	struct bench_quartiles q = measure(b, h, f, recorded);

	bench_row("%s\t%s: %s\tempty program\t%+.1f ns [%+.1f, %+.1f]\t%s\t%s", judged ? "4" : "-",
	          h->name, what, q.median, q.q1, q.q3, judged ? "<= 15 ns" : "-",
	          judged ? bench_verdict(q.median <= TARGET_NS) : BENCH_FOR_INFORMATION);
}

static void rows(struct bench *b, const struct hook *h)
{
	struct frame data4 = tcp(false, "198.51.100.1", 0x18), data6 = tcp(true, "fd00::1", 0x10),
		     other = udp("198.51.100.1", 8472), dns = udp("203.0.113.1", 53),
		     stranger = tcp(false, "203.0.113.1", 2), ours = tcp(false, "198.51.100.1", 2);
	struct hook null = *h;

	null.fd = null.empty;
	row(b, &null, "null run (A/A)", &data4, false, false);
	row(b, h, "established data, IPv4", &data4, true, false);
	row(b, h, "established ACK, IPv6", &data6, true, false);
	row(b, h, "UDP, not DNS", &other, true, false);
	row(b, h, "SYN, not of a target", &stranger, false, false);
	row(b, h, "DNS, not of a target", &dns, false, false);
	row(b, h, "SYN to a target: a record", &ours, false, true);
}

int main(void)
{
	struct wd_hooks_options o = {.forced = false};
	struct bench b;
	char err[WD_PROBE_ERRLEN];
	enum wd_hook_way way;

	bench_pin(CPU);
	bench_wait_alone(NULL);
	bench_ns_new();
	bench_probes_open(&b.probes, "198.51.100.1:443 [fd00::1]:443", WD_POINT_MAX);
	if (wd_hooks_new(b.probes.probe, &o, &b.hooks) < 0 ||
	    wd_hooks_attach(b.hooks, if_nametoindex("lo"), true, &way, err) < 0)
		bench_die("%s", err);
	if (way != WD_HOOK_TCX)
		bench_die("no tcx here: its links tell the programs"); /* clsact holds none */
	{
		struct hook tc = {"tc ingress", own_program("wd_wire_in"),
		                  empty_program(BPF_PROG_TYPE_SCHED_CLS, -1), ACT_UNSPEC},
			    xdp = {"XDP", own_program("wd_wire_xdp"),
		                   empty_program(BPF_PROG_TYPE_XDP, 2), PASS};

		rows(&b, &tc);
		rows(&b, &xdp);
		bench_note("verified: %u instructions (tc), %u (XDP)",
		           bench_prog_info(tc.fd).verified_insns,
		           bench_prog_info(xdp.fd).verified_insns);
	}
	wd_hooks_free(b.hooks);
	bench_probes_close(&b.probes);
	return 0;
}
