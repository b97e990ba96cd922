/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node that is made of files: a copy of /proc, and a root with /run/netns, CNI results,
 * log directories and cgroups.
 *
 * In the copy the inode of a plain file below run/netns stands for a namespace.
 */
#ifndef WD_TEST_NODE_FIXTURE_H
#define WD_TEST_NODE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "node/node.h"
#include "tests/unit/node/tree.h"

#define UID_CART "0f7a1c9e-2b3d-4e5f-8a9b-0c1d2e3f4a5b"
#define UID_API  "11111111-2222-3333-4444-555555555555"
#define UID_HOST "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"

#define OWN      4026531840u
#define GONE     4026539999u
#define NAMELESS 4026538888u
#define NODE     "100"
#define DOCKER   "/docker/9c1185a5c5e9\n"

#define TCP_HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"
#define LISTEN(addr, port, queue) \
	"   0: " addr ":" port " 00000000:0000 0A 00000000:" queue " 00:00000000 00000000 0 0 1\n"
#define ROUTE_HEAD \
	"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
#define ARP_HEAD "IP address       HW type     Flags       HW address            Mask     Device\n"
#define NETSTAT  "TcpExt: ListenOverflows IPReversePathFilter\nTcpExt: %u %u\n"

struct fixture {
	struct tree proc, root;
	struct wd_node *node;
	struct wd_facts facts;
	uint32_t cart, api; /* namespaces of two pods */
};

static inline void process(struct fixture *f, const char *pid, uint32_t netns, const char *cgroup)
{
	/* Field 22: clock ticks since boot; long ago. */
	tree_write(&f->proc, text_of("%s/stat", pid),
	           text_of("%s (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 1 0\n", pid));
	tree_write(&f->proc, text_of("%s/cgroup", pid), text_of("0::%s\n", cgroup));
	tree_link(&f->proc, text_of("%s/ns/net", pid), text_of("net:[%u]", netns));
}

static inline void net(struct fixture *f, const char *pid, const char *addr, const char *tcp)
{
	tree_write(&f->proc, text_of("%s/net/fib_trie", pid),
	           text_of("Main:\n  |-- 127.0.0.0\n     /8 host LOCAL\n  |-- %s\n"
	                   "     /32 host LOCAL\nLocal:\n  |-- %s\n     /32 host LOCAL\n",
	                   addr, addr));
	tree_write(&f->proc, text_of("%s/net/if_inet6", pid),
	           "00000000000000000000000000000001 01 80 10 80       lo\n");
	tree_write(&f->proc, text_of("%s/net/tcp", pid), tcp);
	tree_write(&f->proc, text_of("%s/net/tcp6", pid), TCP_HEAD);
	tree_write(&f->proc, text_of("%s/net/route", pid),
	           ROUTE_HEAD "eth0\t00000000\t0100F40A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
}

static inline void netstat(struct fixture *f, const char *pid, unsigned int overflows,
                           unsigned int rpf)
{
	tree_write(&f->proc, text_of("%s/net/netstat", pid), text_of(NETSTAT, overflows, rpf));
}

static inline uint32_t mount_make(struct fixture *f, const char *name)
{
	struct stat st;

	tree_write(&f->root, text_of("run/netns/%s", name), "");
	if (stat(tree_path(&f->root, text_of("run/netns/%s", name)), &st))
		abort();
	return (uint32_t)st.st_ino;
}

static inline void result_make(struct fixture *f, const char *pod, const char *mount,
                               const char *addr)
{
	tree_write(&f->root, text_of("var/lib/cni/results/cbr0-%s-%s-eth0", pod, mount),
	           text_of("{\"kind\":\"cniCacheV1\",\"cniArgs\":[[\"K8S_POD_NAMESPACE\",\"shop\"],"
	                   "[\"K8S_POD_NAME\",\"%s\"]],\"result\":{\"interfaces\":[{\"sandbox\":"
	                   "\"/var/run/netns/%s\"}],\"ips\":[{\"address\":\"%s/24\"}]}}",
	                   pod, mount, addr));
}

/* Node 10.0.0.4; pod shop/cart-0 10.244.0.5 (pid 200, pause 190) without CNI result; pod
 * shop/api-0 10.244.0.6 (pid 300), known by its CNI result. */
static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	tree_make(&f->proc);
	tree_make(&f->root);
	f->cart = mount_make(f, "cni-cart");
	f->api = mount_make(f, "cni-api");

	process(f, NODE, OWN, "/system.slice/whydrop.service");
	tree_link(&f->proc, "self", NODE);
	tree_link(&f->proc, NODE "/ns/pid", "pid:[4026531836]");
	net(f, NODE, "10.0.0.4", TCP_HEAD LISTEN("00000000", "1F90", "00000000"));
	netstat(f, NODE, 1, 11);
	tree_write(&f->proc, NODE "/net/route",
	           ROUTE_HEAD "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
	                      "cni0\t0000F40A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
	                      "*\t0000080A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n");
	tree_write(&f->proc, NODE "/net/arp",
	           ARP_HEAD "10.0.0.1         0x1         0x2         02:fc:00:00:00:05     *    "
	                    "    eth0\n"
	                    "10.244.0.9       0x1         0x0         00:00:00:00:00:00     *    "
	                    "    cni0\n");

	process(f, "190", f->cart, "/kubepods/burstable/pod" UID_CART "/pause");
	process(f, "200", f->cart, "/kubepods/burstable/pod" UID_CART "/c1");
	for (int i = 0; i < 2; i++) {
		net(f, i ? "200" : "190", "10.244.0.5", TCP_HEAD);
		netstat(f, i ? "200" : "190", 2, 22);
	}
	process(f, "300", f->api, DOCKER);
	net(f, "300", "10.244.0.6",
	    TCP_HEAD LISTEN("00000000", "20FB", "00000005") LISTEN("0100007F", "1F91", "00000000"));
	netstat(f, "300", 3, 33);
	result_make(f, "api-0", "cni-api", "10.244.0.6");

	tree_dir(&f->root, "var/log/pods/shop_cart-0_" UID_CART);
	tree_dir(&f->root, "var/log/pods/kube-system_agent-x_" UID_HOST);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	wd_node_free(f->node);
	tree_remove(&f->proc);
	tree_remove(&f->root);
	free(f);
	return 0;
}

static inline struct wd_flow flow(const char *saddr, const char *daddr, uint16_t dport)
{
	struct wd_flow w = {0};

	assert_int_equal(wd_addr_parse(saddr, &w.tuple.saddr), 0);
	assert_int_equal(wd_addr_parse(daddr, &w.tuple.daddr), 0);
	w.tuple.sport = 40000;
	w.tuple.dport = dport;
	w.tuple.proto = WD_PROTO_TCP;
	w.start_ns = w.last_ns = wd_clock_monotonic_ns();
	return w;
}

static inline struct wd_flow owned(struct wd_flow w, uint32_t pid, uint32_t netns)
{
	w.owner.pid = pid;
	w.owner.netns = netns;
	return w;
}

static inline struct wd_flow nat(struct wd_flow w, const char *backend, uint16_t port)
{
	assert_int_equal(wd_addr_parse(backend, &w.backend), 0);
	w.has_backend = true;
	w.backend_port = port;
	return w;
}

/* Asks a node that has seen nothing before. */
static inline const struct wd_facts *ask(struct fixture *f, struct wd_flow w)
{
	wd_node_free(f->node);
	f->node = NULL;
	assert_int_equal(wd_node_new_at(f->proc.root, f->root.root, &f->node), 0);
	memset(&f->facts, 0xff, sizeof(f->facts));
	wd_node_facts(f->node, &w, &f->facts);
	return &f->facts;
}

static inline void check_pod(const struct wd_pod_ref *pod, const char *want)
{
	if (!want) {
		assert_string_equal(pod->ns, "");
		assert_string_equal(pod->name, "");
		return;
	}
	assert_string_equal(text_of("%s/%s", pod->ns, pod->name), want);
}

#endif
