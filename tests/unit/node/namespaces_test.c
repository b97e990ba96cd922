/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions about real namespaces: this program makes itself a node (a network namespace
 * of its own) with two pods, all of which end with it. Needs root, ip(8) and nsenter(1).
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/clock.h"
#include "node/node.h"
#include "node/procfs.h"
#include "tests/unit/node/tree.h"

struct pod {
	pid_t pid;
	uint32_t netns;
	int go, done; /* pipes: what the child waits for, and tells */
};

static struct {
	bool skip;
	struct pod a, b;
	struct tree root;
} lab;

static int run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int run(const char *fmt, ...)
{
	char cmd[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return system(cmd);
}

static int server(int type, const char *addr, uint16_t port, int backlog)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, type, 0);

	inet_pton(AF_INET, addr, &in.sin_addr);
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) ||
	    (type == SOCK_STREAM && listen(fd, backlog)))
		_exit(1);
	return fd;
}

static void server6(uint16_t port)
{
	struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) || listen(fd, 1))
		_exit(1);
}

/* Three connections to a queue of two: the last one overflows it. */
static void clients(uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < 3; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

		connect(fd, (struct sockaddr *)&in, sizeof(in));
		usleep(20000);
	}
}

static void pod_live(struct pod *p, bool serves)
{
	char c = 'n';

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) || write(p->done, &c, 1) != 1 || read(p->go, &c, 1) != 1)
		_exit(1);
	if (serves) {
		server(SOCK_STREAM, "0.0.0.0", 8080, 1);
		server(SOCK_STREAM, "127.0.0.1", 8081, 1);
		server(SOCK_DGRAM, "10.99.0.3", 5353, 0);
		server6(8082);
		clients(8080);
	}
	if (write(p->done, &c, 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int pod_start(struct pod *p, bool serves)
{
	int go[2], done[2], proc;
	char c;

	if (pipe(go) || pipe(done))
		return -1;
	p->go = go[0];
	p->done = done[1];
	p->pid = fork();
	if (!p->pid)
		pod_live(p, serves);
	p->go = go[1];
	p->done = done[0];
	proc = open("/proc", O_RDONLY | O_DIRECTORY);
	if (p->pid < 0 || read(p->done, &c, 1) != 1)
		return -1;
	p->netns = wd_procfs_netns_of(proc, (uint32_t)p->pid);
	close(proc);
	return 0;
}

static int pod_go(struct pod *p)
{
	char c = 'g';

	return write(p->go, &c, 1) == 1 && read(p->done, &c, 1) == 1 ? 0 : -1;
}

/* node 10.99.0.1: eth-a leads to pod a (10.99.0.2), eth-b to pod b (10.99.0.3). */
static int network_make(void)
{
	return run("set -e\n"
	           "ip link set lo up\n"
	           "ip link add eth-a type veth peer name eth0 netns %d\n"
	           "ip link add eth-b type veth peer name eth0 netns %d\n"
	           "ip addr add 10.99.0.1/32 dev eth-a\n"
	           "ip addr add fd99::1/64 dev eth-a nodad\n"
	           "ip link set eth-a up\n"
	           "ip link set eth-b up\n"
	           "ip route add 10.99.0.2 dev eth-a\n"
	           "ip route add 10.99.0.3 dev eth-b\n"
	           "ip route add blackhole 10.98.0.0/16\n"
	           "ip route add unreachable 10.97.0.0/16\n"
	           "A='nsenter -t %d -n' B='nsenter -t %d -n'\n"
	           "$B ip link set lo up\n"
	           "$B ip link set eth0 up\n"
	           "$B ip addr add 10.99.0.3/24 dev eth0\n"
	           "$A ip link set lo up\n"
	           "$A ip link set eth0 up\n"
	           "$A ip addr add 10.99.0.2/24 dev eth0\n"
	           "$A ip addr add fd99::2/64 dev eth0 nodad\n"
	           "$A ip route add default via 10.99.0.1\n"
	           "$A ip route add 10.1.0.0/16 via 10.99.0.7 metric 20\n"
	           "$A ip route add 10.1.0.0/16 via 10.99.0.8 metric 10\n"
	           "$A ip route add 10.1.2.0/24 via 10.99.0.9 metric 99\n"
	           "$A ip route add 10.1.2.3/32 dev eth0\n"
	           "$A ip route add unreachable 10.2.0.0/16\n"
	           "$A ip route add prohibit 10.3.0.0/16\n"
	           "$A ip route add blackhole 10.4.0.0/16\n"
	           "$A ip route add throw 10.5.0.0/16\n"
	           "$A ip route add local 10.6.0.0/16 dev lo\n"
	           "$A ip route add 10.7.0.0/16 via inet6 fd99::7 dev eth0\n"
	           "$A ip -6 route add fd01::/32 via fd99::7 metric 20\n"
	           "$A ip -6 route add fd01::/32 via fd99::8 metric 10\n"
	           "$A ip -6 route add fd01:0:1::/48 dev eth0\n"
	           "$A ip -6 route add unreachable fd02::/32\n"
	           "$A ip -6 route add blackhole fd03::/32\n",
	           lab.a.pid, lab.b.pid, lab.a.pid, lab.b.pid);
}

static int group_setup(void **state)
{
	(void)state;
	lab.skip = true;
	tree_make(&lab.root);
	if (geteuid() || run("command -v ip nsenter >/dev/null") || unshare(CLONE_NEWNET) ||
	    unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		print_message("skipped: needs root, ip(8), nsenter(1) and namespaces\n");
		return 0;
	}
	if (pod_start(&lab.a, false) || pod_start(&lab.b, true) || network_make() ||
	    pod_go(&lab.a) || pod_go(&lab.b))
		return -1;
	usleep(100000);
	lab.skip = false;
	return 0;
}

static int group_teardown(void **state)
{
	struct pod *pods[2] = {&lab.a, &lab.b};

	(void)state;
	for (int i = 0; i < 2; i++) {
		if (pods[i]->pid <= 0)
			continue;
		kill(pods[i]->pid, SIGKILL);
		waitpid(pods[i]->pid, NULL, 0);
	}
	tree_remove(&lab.root);
	return 0;
}

static struct wd_facts ask(const struct pod *client, const char *daddr, uint16_t dport,
                           uint8_t proto)
{
	struct wd_flow w = {.start_ns = wd_clock_monotonic_ns()};
	struct wd_node *n = NULL;
	struct wd_facts x;

	wd_addr_parse("10.99.0.2", &w.tuple.saddr);
	assert_int_equal(wd_addr_parse(daddr, &w.tuple.daddr), 0);
	w.tuple.dport = dport;
	w.tuple.proto = proto;
	w.owner.pid = (uint32_t)client->pid;
	w.owner.netns = client->netns;
	assert_int_equal(wd_node_new(lab.root.root, &n), 0);
	wd_node_facts(n, &w, &x);
	wd_node_free(n);
	return x;
}

/* What ip-route(8) says: "unicast dev eth0 via 10.0.0.1", "local", "none". */
static void oracle(const struct pod *p, const char *dest, char *ret, size_t size)
{
	char line[512] = "", *dev, *via;
	FILE *f = popen(text_of("nsenter -t %d -n ip -o route get %s 2>&1", p->pid, dest), "r");

	assert_non_null(f);
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	if (pclose(f) || strstr(line, "unreachable") || strstr(line, "prohibit") ||
	    strstr(line, "blackhole")) {
		snprintf(ret, size, "none");
		return;
	}
	if (!strncmp(line, "local ", 6)) {
		snprintf(ret, size, "local");
		return;
	}
	dev = strstr(line, " dev ");
	via = strstr(line, " via ");
	assert_non_null(dev);
	strtok(dev + 5, " \n");
	/* A gateway of the other family is not in the file. */
	if (via && strncmp(via, " via inet6", 10))
		strtok(via + 5, " \n");
	else
		via = NULL;
	snprintf(ret, size, "unicast dev %s%s%s", dev + 5, via ? " via " : "", via ? via + 5 : "");
}

static void said(const struct wd_route_fact *r, char *ret, size_t size)
{
	char via[WD_ADDR_STRLEN];

	switch (r->kind) {
	case WD_ROUTE_NONE:
	case WD_ROUTE_REJECT:
		snprintf(ret, size, "none");
		break;
	case WD_ROUTE_LOCAL:
		snprintf(ret, size, "local");
		break;
	case WD_ROUTE_UNICAST:
		snprintf(ret, size, "unicast dev %s%s%s", r->device, r->has_via ? " via " : "",
		         r->has_via ? wd_addr_format(&r->via, via) : "");
		break;
	default:
		snprintf(ret, size, "unknown");
	}
}

static void routes_agree_with_the_kernel(void **state)
{
	static const char *const dests[] = {
		"10.99.0.2", "10.99.0.3", "8.8.8.8",  "10.1.9.9",    "10.1.2.9", "10.1.2.3",
		"10.2.0.1",  "10.3.0.1",  "10.4.0.1", "10.5.0.1",    "10.6.0.1", "10.7.0.1",
		"127.0.0.1", "127.9.9.9", "fd99::2",  "fd99::3",     "fd01::1",  "fd01:0:1::1",
		"fd02::1",   "fd03::1",   "fd04::1",  "2001:db8::1", "::1",
	};
	char want[128], got[128];

	(void)state;
	if (lab.skip)
		skip();
	for (size_t i = 0; i < sizeof(dests) / sizeof(dests[0]); i++) {
		struct wd_facts x = ask(&lab.a, dests[i], 80, WD_PROTO_TCP);

		oracle(&lab.a, dests[i], want, sizeof(want));
		said(&x.client.route, got, sizeof(got));
		assert_string_equal(text_of("%s %s", dests[i], got),
		                    text_of("%s %s", dests[i], want));
	}
}

static void listeners_of_another_namespace(void **state)
{
	static const struct {
		const char *addr;
		uint16_t port;
		uint8_t proto;
		enum wd_listener want;
	} cases[] = {
		{"10.99.0.3", 8080, WD_PROTO_TCP, WD_LISTENER_PRESENT},
		{"10.99.0.3", 8081, WD_PROTO_TCP, WD_LISTENER_LOOPBACK_ONLY},
		{"10.99.0.3", 8082, WD_PROTO_TCP, WD_LISTENER_PRESENT},
		{"10.99.0.3", 80, WD_PROTO_TCP, WD_LISTENER_NONE},
		{"10.99.0.3", 5353, WD_PROTO_UDP, WD_LISTENER_PRESENT},
		{"10.99.0.3", 8080, WD_PROTO_UDP, WD_LISTENER_NONE},
		{"10.99.0.3", 8080, WD_PROTO_SCTP, WD_LISTENER_UNKNOWN},
		{"10.99.0.2", 8080, WD_PROTO_TCP, WD_LISTENER_NONE},
		{"10.99.0.1", 8080, WD_PROTO_TCP, WD_LISTENER_NONE},
	};

	(void)state;
	if (lab.skip)
		skip();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wd_facts x = ask(&lab.a, cases[i].addr, cases[i].port, cases[i].proto);

		assert_true(x.backend.local_known && x.backend.local);
		assert_int_equal(x.backend.listener, cases[i].want);
	}
}

static void a_full_queue_shows(void **state)
{
	struct wd_facts x;

	(void)state;
	if (lab.skip)
		skip();
	x = ask(&lab.a, "10.99.0.3", 8080, WD_PROTO_TCP);
	assert_true(x.backend.queue_known);
	assert_int_equal(x.backend.queue, 2);
	assert_true(x.backend.overflows_known);
	assert_true(x.backend.overflows > 0);
	assert_int_equal(x.backend.n_ports, 1);
	assert_int_equal(x.backend.ports[0], 8082);
	/* Not on the node, where nothing overflowed. */
	x = ask(&lab.a, "10.99.0.1", 8080, WD_PROTO_TCP);
	assert_true(x.backend.host && x.backend.overflows_known);
	assert_int_equal(x.backend.overflows, 0);
}

static void the_nodes_way_to_a_pod(void **state)
{
	struct wd_facts x;

	(void)state;
	if (lab.skip)
		skip();
	x = ask(&lab.a, "10.99.0.3", 8080, WD_PROTO_TCP);
	assert_int_equal(x.node_route.kind, WD_ROUTE_UNICAST);
	assert_string_equal(x.node_route.device, "eth-b");
	assert_int_equal(x.neigh.state, WD_NEIGH_NONE);
	assert_int_equal(run("ip neigh add 10.99.0.3 lladdr 02:00:00:00:00:01 dev eth-b"), 0);
	x = ask(&lab.a, "10.99.0.3", 8080, WD_PROTO_TCP);
	assert_int_equal(x.neigh.state, WD_NEIGH_RESOLVED);
	x = ask(&lab.a, "10.98.0.1", 8080, WD_PROTO_TCP);
	assert_int_equal(x.node_route.kind, WD_ROUTE_REJECT);
	x = ask(&lab.a, "10.97.0.1", 8080, WD_PROTO_TCP);
	assert_int_equal(x.node_route.kind, WD_ROUTE_REJECT);
	x = ask(&lab.a, "192.0.2.77", 8080, WD_PROTO_TCP);
	assert_int_equal(x.node_route.kind, WD_ROUTE_NONE);
	assert_false(x.node_route.other_tables);
	assert_int_equal(run("ip route add 192.0.2.0/24 dev eth-b table 7 &&"
	                     " ip rule add from 10.99.0.2 table 7"),
	                 0);
	x = ask(&lab.a, "192.0.2.77", 8080, WD_PROTO_TCP);
	assert_true(x.node_route.other_tables);
	/* Tables main and local are separate now: the same answers. */
	x = ask(&lab.a, "10.99.0.1", 8080, WD_PROTO_TCP);
	assert_int_equal(x.node_route.kind, WD_ROUTE_LOCAL);
	assert_true(x.backend.host);
}

static void the_sandbox_names_the_pod(void **state)
{
	const char *mounted;
	struct wd_facts x;

	(void)state;
	if (lab.skip)
		skip();
	tree_write(&lab.root, "run/netns/cni-b", "");
	mounted = text_of("%s/run/netns/cni-b", lab.root.root);
	tree_write(&lab.root, "var/lib/cni/results/x-1-eth0",
	           "{\"kind\":\"cniCacheV1\",\"cniArgs\":[[\"K8S_POD_NAMESPACE\",\"shop\"],"
	           "[\"K8S_POD_NAME\",\"api-0\"]],\"result\":{\"interfaces\":[{\"sandbox\":"
	           "\"/var/run/netns/cni-b\"}],\"ips\":[{\"address\":\"10.99.0.3/24\"}]}}");
	/* Not mounted (yet, or any more, or not where we see it): a plain file is no name. But
	 * the address is there, and so is the process that has it. */
	x = ask(&lab.a, "10.99.0.3", 8080, WD_PROTO_TCP);
	assert_string_equal(x.backend.netns, "");
	assert_string_equal(x.backend.pod.name, "");
	assert_true(x.backend.local);
	assert_int_equal(mount(text_of("/proc/%d/ns/net", lab.b.pid), mounted, NULL, MS_BIND, NULL),
	                 0);
	x = ask(&lab.a, "10.99.0.3", 8080, WD_PROTO_TCP);
	assert_string_equal(x.backend.netns, "cni-b");
	assert_string_equal(x.backend.pod.ns, "shop");
	assert_string_equal(x.backend.pod.name, "api-0");
	assert_string_equal(x.client.pod.name, "");
	assert_int_equal(umount2(mounted, MNT_DETACH), 0);
}

/* Without the right to look into other processes' namespaces, not finding an address
 * there means nothing. */
static void without_privilege_there_is_no_never(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	if (lab.skip)
		skip();
	pid = fork();
	if (!pid) {
		struct wd_facts x;

		if (setgid(65534) || setuid(65534))
			_exit(2);
		x = ask(&lab.a, "10.99.0.3", 8080, WD_PROTO_TCP);
		_exit(x.backend.local_known || x.client.pod.name[0]);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Runs last: it ends a pod. */
static void a_pod_that_ended_is_gone(void **state)
{
	struct wd_facts x;

	(void)state;
	if (lab.skip)
		skip();
	kill(lab.b.pid, SIGKILL);
	waitpid(lab.b.pid, NULL, 0);
	lab.b.pid = 0;
	x = ask(&lab.a, "10.99.0.3", 8080, WD_PROTO_TCP);
	assert_false(x.backend.local);
	assert_int_equal(x.backend.listener, WD_LISTENER_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_agree_with_the_kernel),
		cmocka_unit_test(listeners_of_another_namespace),
		cmocka_unit_test(a_full_queue_shows),
		cmocka_unit_test(the_nodes_way_to_a_pod),
		cmocka_unit_test(the_sandbox_names_the_pod),
		cmocka_unit_test(without_privilege_there_is_no_never),
		cmocka_unit_test(a_pod_that_ended_is_gone),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
