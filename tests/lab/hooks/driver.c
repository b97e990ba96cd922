/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For checks/hooks*.sh: the packet hooks alone, in a chosen way, and programs of "somebody
 * else" beside them. Each stays until SIGTERM or the end of its input, and says what it does
 * a line at a time.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "probe/hooks.h"

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

__attribute__((noreturn)) static void usage(void)
{
	fputs("usage: hooks watch auto|tcx|clsact|xdp TARGET DEVICE[+xdp]...\n"
	      "       hooks trial DEVICE\n"
	      "       hooks foreign tc-in|tc-out|tcx-in|tcx-out|xdp DEVICE VERDICT LENGTH "
	      "[PRIORITY HANDLE]\n",
	      stderr);
	exit(2);
}

__attribute__((noreturn)) static void die(const char *what, int r)
{
	printf("failed %s: %s\n", what, strerror(r < 0 ? -r : r));
	exit(1);
}

static uint32_t device(const char *name)
{
	uint32_t ifindex = if_nametoindex(name);

	/* a number is taken as it is: the device may be gone */
	return ifindex ? ifindex : (uint32_t)strtoul(name, NULL, 10);
}

/* ---- ours ------------------------------------------------------------------------------ */

static void on_event(const struct wd_event *e, void *ctx)
{
	static const char *const sights[WD_SIGHT_MAX] = {"drop", "in", "out", "xdp"};
	char from[WD_ENDPOINT_STRLEN], to[WD_ENDPOINT_STRLEN], name[IF_NAMESIZE] = "?";

	(void)ctx;
	if (e->kind != WD_EVENT_PACKET)
		return;
	if_indextoname(e->packet.ifindex, name);
	wd_endpoint_format(&e->tuple.saddr, e->tuple.sport, from);
	wd_endpoint_format(&e->tuple.daddr, e->tuple.dport, to);
	printf("packet %s %s %s > %s flags %u%s%s\n", name, sights[e->packet.sight], from, to,
	       e->packet.tcp_flags, e->packet.icmp_error ? " icmp" : "",
	       e->packet.dns ? " dns" : "");
}

static struct wd_probe *open_probe(const char *target)
{
	static struct wd_targets targets;
	struct wd_probe_options o = {.targets = &targets};
	struct wd_probe *p;
	char err[WD_PROBE_ERRLEN];

	if (wd_targets_add(&targets, target) < 0)
		usage();
	/* the smallest of the probes is enough to have a ring and targets */
	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		o.forced[i] = i != WD_POINT_RECEIVE_RESET;
		o.force[i] = WD_WAY_NONE;
	}
	if (wd_probe_open(&o, &p, err) < 0) {
		printf("failed: %s\n", err);
		exit(1);
	}
	return p;
}

static void attach(struct wd_hooks *h, char *name)
{
	char err[WD_PROBE_ERRLEN], *plus = strchr(name, '+');
	enum wd_hook_way way = WD_HOOK_WAY_MAX;
	int r;

	if (plus)
		*plus = '\0';
	r = wd_hooks_attach(h, device(name), plus != NULL, &way, err);
	if (r < 0)
		printf("refused %s: %d %s\n", name, r, err);
	else
		printf("attached %s %s%s %s\n", name, wd_hook_way_name(way),
		       wd_hooks_attached_xdp(h, device(name)) ? "+xdp" : "", err);
}

/* Input: "attach DEVICE" and "detach DEVICE". */
static void obey(struct wd_hooks *h, char *line)
{
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "attach ", 7) == 0) {
		attach(h, line + 7);
	} else if (strncmp(line, "detach ", 7) == 0) {
		wd_hooks_detach(h, device(line + 7));
		printf("detached %s\n", line + 7);
	} else if (strncmp(line, "watching ", 9) == 0) {
		printf("watching %s %d\n", line + 9, wd_hooks_alive(h, device(line + 9)));
	}
}

static void watch(char **args, int n)
{
	struct wd_hooks_options o = {.forced = false};
	struct wd_hooks_counts c;
	struct wd_probe *p;
	struct wd_hooks *h;
	uint64_t beat = 0;

	for (int w = 0; w < WD_HOOK_WAY_MAX; w++) {
		if (strcmp(args[0], wd_hook_way_name((enum wd_hook_way)w)) == 0) {
			o.forced = true;
			o.way = (enum wd_hook_way)w;
		}
	}
	p = open_probe(args[1]);
	if (wd_hooks_new(p, &o, &h) < 0)
		die("hooks", ENOMEM);
	for (int i = 2; i < n; i++)
		attach(h, args[i]);
	puts("ready");
	while (!stop) {
		struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
		char line[128];

		if (poll(&in, 1, 20) > 0) {
			if (!fgets(line, sizeof(line), stdin))
				break;
			obey(h, line);
		}
		wd_probe_poll(p, 1u << 20, on_event, NULL);
		if (wd_clock_monotonic_ns() - beat > WD_NSEC_PER_SEC) {
			beat = wd_clock_monotonic_ns();
			wd_hooks_heartbeat(h, beat);
		}
	}
	wd_probe_poll(p, 1u << 20, on_event, NULL);
	c = wd_hooks_counts(h);
	printf("seen %llu delivered %llu lost %llu\n", (unsigned long long)c.seen,
	       (unsigned long long)c.delivered, (unsigned long long)c.lost);
	wd_hooks_free(h);
	wd_probe_close(p);
}

static void trial(const char *name)
{
	struct wd_hooks_options o = {.forced = false};
	struct wd_probe *p = open_probe("all");
	char err[WD_PROBE_ERRLEN];
	struct wd_hooks *h;

	if (wd_hooks_new(p, &o, &h) < 0)
		die("hooks", ENOMEM);
	for (int w = 0; w < WD_HOOK_WAY_MAX; w++)
		printf("trial %s %d %s\n", wd_hook_way_name((enum wd_hook_way)w),
		       wd_hooks_trial(h, device(name), (enum wd_hook_way)w, err), err);
	wd_hooks_free(h);
	wd_probe_close(p);
}

/* ---- somebody else's -------------------------------------------------------------------- */

#define INSN(c, d, s, o, i)                                                         \
	{                                                                           \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) \
	}

/* Counts frames of one length (link layer included), so that nobody else's packets are in the
 * count, and gives its verdict on those, on others TC_ACT_OK (-1: on all, the next one's). */
static int foreign_program(bool xdp, int map, int verdict, int length)
{
	const struct bpf_insn code[] = {
		INSN(BPF_LDX | BPF_MEM | BPF_W, 6, 1, xdp ? 4 : 0, 0), /* data_end; len */
		INSN(BPF_LDX | BPF_MEM | BPF_W, 7, 1, xdp ? 0 : 4, 0), /* data; pkt_type */
		INSN(xdp ? BPF_ALU64 | BPF_SUB | BPF_X : BPF_ALU64 | BPF_MOV | BPF_X, 6,
	             xdp ? 7 : 6, 0, 0),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 6, 0, 11, length),
		INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		INSN(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 4, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD),
		INSN(BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0, verdict),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		INSN(BPF_ALU | BPF_MOV | BPF_K, 0, 0, 0,
	             xdp           ? XDP_PASS
	             : verdict < 0 ? verdict
	                           : 0 /* TC_ACT_OK */),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return bpf_prog_load(xdp ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL",
	                     code, sizeof(code) / sizeof(code[0]), NULL);
}

/* include/uapi/linux/bpf.h of 6.6, without flags: behind those that are there */
static int tcx_link(int prog, uint32_t ifindex, bool out)
{
	const struct {
		uint32_t prog_fd, ifindex, type, flags;
		uint64_t rest[2];
	} c = {.prog_fd = (uint32_t)prog, .ifindex = ifindex, .type = out ? 47 : 46};
	long r = syscall(SYS_bpf, BPF_LINK_CREATE, &c, sizeof(c));

	return r < 0 ? -errno : (int)r;
}

static void foreign(char **args, int n)
{
	bool xdp = strcmp(args[0], "xdp") == 0, out = strstr(args[0], "-out") != NULL;
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)device(args[1]),
	            .attach_point = out ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter);
	LIBBPF_OPTS(bpf_link_create_opts, link, .flags = XDP_FLAGS_SKB_MODE);
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "foreign", 4, 8, 1, NULL), prog, r;
	bool tc = strncmp(args[0], "tc-", 3) == 0;
	uint32_t zero = 0;
	uint64_t count = 0;
	char c;

	prog = foreign_program(xdp, map, (int)strtol(args[2], NULL, 10),
	                       (int)strtol(args[3], NULL, 10));
	if (prog < 0)
		die("load", prog);
	if (xdp) {
		r = bpf_link_create(prog, hook.ifindex, BPF_XDP, &link);
	} else if (!tc) {
		r = tcx_link(prog, (uint32_t)hook.ifindex, out);
	} else {
		filter.prog_fd = prog;
		filter.priority = n > 4 ? (uint32_t)strtoul(args[4], NULL, 10) : 1;
		filter.handle = n > 5 ? (uint32_t)strtoul(args[5], NULL, 10) : 1;
		r = bpf_tc_hook_create(&hook);
		if (r == 0 || r == -EEXIST)
			r = bpf_tc_attach(&hook, &filter);
	}
	if (r < 0)
		die("attach", r);
	puts("ready");
	while (!stop && read(STDIN_FILENO, &c, 1) > 0) {
		if (c != '\n')
			continue;
		bpf_map_lookup_elem(map, &zero, &count);
		printf("count %llu\n", (unsigned long long)count);
	}
	if (tc) {
		filter.prog_fd = 0;
		filter.prog_id = 0;
		bpf_tc_detach(&hook, &filter);
	}
}

int main(int argc, char **argv)
{
	struct sigaction a = {.sa_handler = on_signal};

	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGINT, &a, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	if (argc >= 5 && strcmp(argv[1], "watch") == 0)
		watch(argv + 2, argc - 2);
	else if (argc == 3 && strcmp(argv[1], "trial") == 0)
		trial(argv[2]);
	else if (argc >= 6 && strcmp(argv[1], "foreign") == 0)
		foreign(argv + 2, argc - 2);
	else
		usage();
	return 0;
}
