/* SPDX-License-Identifier: Apache-2.0 */
/* Whole questions to a node that is made of files. */
#include "node/node.h"

#include "node/procfs.h"
#include "tests/unit/node/fixture.h"

static void answers_a_whole_question(void **state)
{
	struct fixture *f = *state;
	const struct wd_facts *x =
		ask(f, nat(owned(flow("10.244.0.5", "10.96.0.9", 80), 200, f->cart), "10.244.0.6",
	                   9999));

	assert_true(x->client.host_known && !x->client.host);
	assert_string_equal(x->client.netns, "cni-cart");
	check_pod(&x->client.pod, "shop/cart-0");
	assert_int_equal(x->client.route.kind, WD_ROUTE_UNICAST);
	assert_string_equal(x->client.route.device, "eth0");

	assert_true(x->backend.local_known && x->backend.local && !x->backend.host);
	assert_string_equal(x->backend.netns, "cni-api");
	check_pod(&x->backend.pod, "shop/api-0");
	assert_int_equal(x->backend.listener, WD_LISTENER_NONE);
	/* The one on loopback is no candidate. */
	assert_int_equal(x->backend.n_ports, 1);
	assert_int_equal(x->backend.ports[0], 0x20fb);
	assert_false(x->backend.queue_known);
	assert_true(x->backend.overflows_known);
	assert_int_equal(x->backend.overflows, 3);

	assert_int_equal(x->node_route.kind, WD_ROUTE_UNICAST);
	assert_string_equal(x->node_route.device, "cni0");
	assert_false(x->node_route.has_via);
	assert_int_equal(x->neigh.state, WD_NEIGH_NONE);
	assert_string_equal(x->neigh.device, "cni0");
	/* the client's counter was not watched from the start: it is no witness */
	assert_false(x->rpf_known);
}

static void tells_listeners_apart(void **state)
{
	struct fixture *f = *state;
	const struct wd_facts *x;

	x = ask(f, owned(flow("10.244.0.5", "10.244.0.6", 0x20fb), 200, f->cart));
	assert_int_equal(x->backend.listener, WD_LISTENER_PRESENT);
	assert_true(x->backend.queue_known);
	assert_int_equal(x->backend.queue, 5);
	x = ask(f, owned(flow("10.244.0.5", "10.244.0.6", 0x1f91), 200, f->cart));
	assert_int_equal(x->backend.listener, WD_LISTENER_LOOPBACK_ONLY);
	/* The node listens on 8080, this pod does not. */
	x = ask(f, owned(flow("10.244.0.5", "10.244.0.6", 8080), 200, f->cart));
	assert_int_equal(x->backend.listener, WD_LISTENER_NONE);
	x = ask(f, owned(flow("10.244.0.5", "10.0.0.4", 8080), 200, f->cart));
	assert_int_equal(x->backend.listener, WD_LISTENER_PRESENT);
	assert_true(x->backend.host);
	assert_string_equal(x->backend.netns, "node");
	check_pod(&x->backend.pod, NULL);
	/* A file that is missing is not an empty one. */
	unlink(tree_path(&f->proc, "300/net/tcp"));
	x = ask(f, owned(flow("10.244.0.5", "10.244.0.6", 80), 200, f->cart));
	assert_int_equal(x->backend.listener, WD_LISTENER_UNKNOWN);
	assert_true(x->backend.local);
}

static void host_network_belongs_to_the_process(void **state)
{
	struct fixture *f = *state;
	const struct wd_facts *x;

	process(f, "400", OWN, "/kubepods/besteffort/pod" UID_HOST "/c");
	process(f, "500", OWN, "/system.slice/kubelet.service");
	x = ask(f, owned(flow("10.0.0.4", "10.244.0.6", 80), 400, OWN));
	assert_true(x->client.host_known && x->client.host);
	assert_string_equal(x->client.netns, "node");
	check_pod(&x->client.pod, "kube-system/agent-x");
	x = ask(f, owned(flow("10.0.0.4", "10.244.0.6", 80), 500, OWN));
	assert_true(x->client.host_known && x->client.host);
	check_pod(&x->client.pod, NULL);
	/* Its address does not make the node a pod either. */
	result_make(f, "thief", "cni-none", "10.0.0.4");
	x = ask(f, owned(flow("10.0.0.4", "10.244.0.6", 80), 0, OWN));
	assert_true(x->client.host);
	check_pod(&x->client.pod, NULL);
}

#define CID "9c1185a5c5e9fc54612808977ee8f548b2258d31ddadef707bd8ad9ae6cf1b8d"

static void names_the_container(void **state)
{
	struct fixture *f = *state;
	struct wd_flow w = owned(flow("10.244.0.5", "10.244.0.6", 80), 200, f->cart);
	const struct wd_facts *x;

	tree_link(&f->root, "var/log/containers/cart-0_shop_app-" CID ".log", "/nowhere");
	assert_string_equal(ask(f, w)->client.container, "");
	process(f, "200", f->cart, "/kubepods/burstable/pod" UID_CART "/" CID);
	x = ask(f, w);
	check_pod(&x->client.pod, "shop/cart-0");
	assert_string_equal(x->client.container, "app");
	/* The same process as a visitor of another pod's namespace is none of its containers. */
	process(f, "200", f->api, "/kubepods/burstable/pod" UID_CART "/" CID);
	x = ask(f, owned(flow("10.244.0.6", "10.244.0.9", 80), 200, f->api));
	check_pod(&x->client.pod, "shop/api-0");
	assert_string_equal(x->client.container, "");
	/* One on the node's network. */
	process(f, "200", OWN, "/kubepods/burstable/pod" UID_CART "/" CID);
	x = ask(f, owned(flow("10.0.0.4", "10.244.0.6", 80), 200, OWN));
	assert_true(x->client.host);
	assert_string_equal(x->client.container, "app");
}

#define VNET                                                                           \
	"{\"Network\":{\"ExternalInterfaces\":{\"eth0\":{\"Networks\":{\"azure\":{"    \
	"\"Endpoints\":{\"1-eth0\":{\"HostIfName\":\"azv1\",\"IPAddresses\":[{\"IP\":" \
	"\"10.244.0.7\"}],\"PODName\":\"%s\",\"PODNameSpace\":\"shop\"}}}}}}}}"

static void azure_is_one_more_witness(void **state)
{
	struct fixture *f = *state;
	uint32_t ns = mount_make(f, "cni-azure");
	struct wd_flow w = owned(flow("10.244.0.7", "10.244.0.6", 80), 0, ns);
	struct wd_pod_ref pod = {{0}, {0}};

	process(f, "600", ns, DOCKER);
	net(f, "600", "10.244.0.7", TCP_HEAD);
	check_pod(&ask(f, w)->client.pod, NULL);
	assert_false(wd_node_device_pod(f->node, "azv1", &pod));
	tree_write(&f->root, "run/azure-vnet.json", text_of(VNET, "azure-0"));
	check_pod(&ask(f, w)->client.pod, "shop/azure-0");
	assert_true(wd_node_device_pod(f->node, "azv1", &pod));
	check_pod(&pod, "shop/azure-0");
	assert_false(wd_node_device_pod(f->node, "azv2", &pod));
	assert_false(wd_node_device_pod(f->node, "", &pod));
	/* CNS says the same, or not. */
	tree_write(&f->root, "run/azure-cns/azure-endpoints.json",
	           "{\"Endpoints\":{\"1\":{\"PodName\":\"azure-0\",\"PodNamespace\":\"shop\","
	           "\"IfnameToIPMap\":{\"eth0\":{\"IPv4\":[{\"IP\":\"10.244.0.7\"}],"
	           "\"HostVethName\":\"azv1\"}}}}}");
	check_pod(&ask(f, w)->client.pod, "shop/azure-0");
	tree_write(&f->root, "run/azure-vnet.json", text_of(VNET, "azure-1"));
	check_pod(&ask(f, w)->client.pod, NULL);
	assert_false(wd_node_device_pod(f->node, "azv1", &pod));
	/* So does libcni's cache. */
	tree_write(&f->root, "run/azure-cns/azure-endpoints.json", "{}");
	check_pod(&ask(f, w)->client.pod, "shop/azure-1");
	result_make(f, "azure-2", "", "10.244.0.7");
	check_pod(&ask(f, w)->client.pod, NULL);
}

static void azure_files_are_read_when_they_change(void **state)
{
	struct fixture *f = *state;
	uint32_t ns = mount_make(f, "cni-azure");
	struct wd_flow w = owned(flow("10.244.0.7", "10.244.0.6", 80), 0, ns);

	process(f, "600", ns, DOCKER);
	net(f, "600", "10.244.0.7", TCP_HEAD);
	tree_write(&f->root, "var/run/azure-vnet.json", text_of(VNET, "azure-0"));
	check_pod(&ask(f, w)->client.pod, "shop/azure-0");
	tree_write(&f->root, "var/run/azure-vnet.json", text_of(VNET, "azure-11"));
	for (unsigned int i = 0; i < 30 && strcmp(f->facts.client.pod.name, "azure-11"); i++) {
		usleep(100000);
		wd_node_facts(f->node, &w, &f->facts);
	}
	check_pod(&f->facts.client.pod, "shop/azure-11");
}

static void a_pid_may_be_somebody_elses_by_now(void **state)
{
	struct fixture *f = *state;
	struct wd_flow w = owned(flow("10.0.0.4", "10.244.0.6", 80), 400, OWN);
	unsigned long long ticks =
		wd_procfs_boottime_ns() / WD_NSEC_PER_SEC * (uint64_t)sysconf(_SC_CLK_TCK);
	const struct wd_facts *x;

	/* It began after the flow. */
	process(f, "400", OWN, "/kubepods/besteffort/pod" UID_HOST "/c");
	tree_write(
		&f->proc, "400/stat",
		text_of("400 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 %llu 0\n", ticks));
	w.start_ns -= 3 * WD_NSEC_PER_SEC;
	x = ask(f, w);
	assert_true(x->client.host);
	check_pod(&x->client.pod, NULL);
	/* Without that hint it is believed. */
	process(f, "400", OWN, "/kubepods/besteffort/pod" UID_HOST "/c");
	check_pod(&ask(f, w)->client.pod, "kube-system/agent-x");
	/* It is in another namespace than the flow's. */
	process(f, "400", f->api, "/kubepods/besteffort/pod" UID_HOST "/c");
	check_pod(&ask(f, w)->client.pod, NULL);
	/* It has gone. */
	check_pod(&ask(f, owned(w, 444, OWN))->client.pod, NULL);
}

static void pids_of_another_namespace_mean_nothing(void **state)
{
	struct fixture *f = *state;
	const struct wd_facts *x;

	process(f, "400", OWN, "/kubepods/besteffort/pod" UID_HOST "/c");
	tree_link(&f->proc, NODE "/ns/pid", "pid:[4026532000]");
	x = ask(f, owned(flow("10.0.0.4", "10.1.2.3", 80), 400, OWN));
	check_pod(&x->client.pod, NULL);
	/* And other processes, with namespaces, may be hidden from us. */
	assert_false(x->backend.local_known);
	x = ask(f, owned(flow("10.0.0.4", "10.244.0.6", 80), 400, OWN));
	assert_true(x->backend.local_known && x->backend.local);
}

static void visitors_do_not_name_a_namespace(void **state)
{
	struct fixture *f = *state;
	struct wd_flow w = owned(flow("10.244.0.5", "10.244.0.6", 80), 200, f->cart);
	const struct wd_facts *x;

	/* A tool of the node looks in: the namespace is still that pod's, and so are its flows. */
	process(f, "150", f->cart, "/user.slice/session-1.scope");
	net(f, "150", "10.244.0.5", TCP_HEAD);
	check_pod(&ask(f, w)->client.pod, "shop/cart-0");
	check_pod(&ask(f, owned(w, 150, f->cart))->client.pod, "shop/cart-0");
	/* A process of another pod does: whose it is cannot be told by processes. */
	process(f, "160", f->cart, "/kubepods/besteffort/pod" UID_HOST "/c");
	net(f, "160", "10.244.0.5", TCP_HEAD);
	x = ask(f, nat(owned(w, 200, f->cart), "10.244.0.5", 80));
	check_pod(&x->backend.pod, NULL);
	check_pod(&ask(f, owned(w, 160, f->cart))->client.pod, NULL);
	/* The CNI result knows. */
	result_make(f, "cart-9", "cni-cart", "10.244.0.5");
	x = ask(f, nat(owned(w, 200, f->cart), "10.244.0.5", 80));
	check_pod(&x->backend.pod, "shop/cart-9");
	check_pod(&ask(f, owned(w, 160, f->cart))->client.pod, "shop/cart-9");
}

static void one_address_twice_is_ambiguous(void **state)
{
	struct fixture *f = *state;
	struct wd_flow w = owned(flow("10.244.0.5", "10.244.0.7", 80), 200, f->cart);
	const struct wd_facts *x;

	for (int i = 0; i < 2; i++) {
		const char *pid = i ? "701" : "700";
		uint32_t ns = mount_make(f, i ? "cni-b" : "cni-a");

		process(f, pid, ns, DOCKER);
		net(f, pid, "10.244.0.7", TCP_HEAD);
	}
	x = ask(f, w);
	assert_false(x->backend.local_known);
	assert_false(x->backend.local);
	assert_int_equal(x->backend.listener, WD_LISTENER_UNKNOWN);
	/* A result whose sandbox has gone decides nothing. */
	result_make(f, "old", "cni-gone", "10.244.0.7");
	assert_false(ask(f, w)->backend.local_known);
	result_make(f, "new", "cni-b", "10.244.0.7");
	x = ask(f, w);
	assert_true(x->backend.local_known && x->backend.local);
	assert_string_equal(x->backend.netns, "cni-b");
	check_pod(&x->backend.pod, "shop/new");
	/* Both have one: then it is a duplicate, and unknown. */
	result_make(f, "older", "cni-a", "10.244.0.7");
	assert_false(ask(f, w)->backend.local_known);
	/* Except for who has it himself: that is where his own packets go. */
	x = ask(f, owned(w, 701, 0));
	assert_true(x->backend.local_known);
	assert_string_equal(x->backend.netns, "cni-b");
}

static void loopback_is_the_clients_own(void **state)
{
	struct fixture *f = *state;
	const struct wd_facts *x;

	x = ask(f, owned(flow("127.0.0.1", "127.0.0.1", 0x1f91), 300, f->api));
	assert_true(x->backend.local_known && x->backend.local);
	assert_string_equal(x->backend.netns, "cni-api");
	assert_int_equal(x->backend.listener, WD_LISTENER_PRESENT);
	assert_int_equal(x->client.route.kind, WD_ROUTE_LOCAL);
	assert_int_equal(x->node_route.kind, WD_ROUTE_UNKNOWN);
	x = ask(f, owned(flow("127.0.0.1", "127.0.0.1", 0x1f91), 200, f->cart));
	assert_int_equal(x->backend.listener, WD_LISTENER_NONE);
	x = ask(f, owned(flow("127.0.0.1", "127.0.0.1", 8080), 100, OWN));
	assert_int_equal(x->backend.listener, WD_LISTENER_PRESENT);
	assert_true(x->backend.host);
	assert_int_equal(x->node_route.kind, WD_ROUTE_LOCAL);
	/* Nobody knows whose. */
	x = ask(f, flow("127.0.0.1", "127.0.0.1", 8080));
	assert_false(x->backend.local_known);
	assert_false(x->client.host_known);
}

static void the_dead_are_known_by_their_cgroup(void **state)
{
	static const char dir[] = "sys/fs/cgroup/kubepods/besteffort/pod" UID_HOST "/c1";
	struct fixture *f = *state;
	struct wd_flow w = owned(flow("10.0.0.4", "10.244.0.6", 80), 444, OWN);
	struct stat st;

	tree_dir(&f->root, dir);
	tree_write(&f->root, "sys/fs/cgroup/cgroup.controllers", "");
	assert_int_equal(stat(tree_path(&f->root, dir), &st), 0);
	w.owner.cgroup = st.st_ino;
	check_pod(&ask(f, w)->client.pod, "kube-system/agent-x");
	/* Also when their namespace went with them. */
	w.owner.netns = GONE;
	check_pod(&ask(f, w)->client.pod, "kube-system/agent-x");
	assert_true(f->facts.client.host_known && !f->facts.client.host);
	w.owner.cgroup++;
	check_pod(&ask(f, w)->client.pod, NULL);
}

static void what_cannot_be_read_is_unknown(void **state)
{
	struct fixture *f = *state;
	struct wd_flow w = owned(flow("10.244.0.5", "10.244.0.8", 80), 200, f->cart);
	const struct wd_facts *x = ask(f, w);

	assert_true(x->backend.local_known && !x->backend.local);
	assert_false(x->backend.overflows_known);
	/* A namespace with a name and without process serves nobody any more. */
	mount_make(f, "cni-idle");
	x = ask(f, w);
	assert_true(x->backend.local_known && !x->backend.local);
	/* The CNI result says that it has another one, */
	result_make(f, "idle", "cni-idle", "10.244.0.99");
	x = ask(f, w);
	assert_true(x->backend.local_known && !x->backend.local);
	/* or this one; then nobody can tell who listens. */
	result_make(f, "idle", "cni-idle", "10.244.0.8");
	x = ask(f, w);
	assert_true(x->backend.local_known && x->backend.local);
	check_pod(&x->backend.pod, "shop/idle");
	assert_int_equal(x->backend.listener, WD_LISTENER_UNKNOWN);
	assert_false(x->backend.overflows_known);

	/* Processes with half of their files: */
	unlink(tree_path(&f->proc, "300/net/fib_trie"));
	x = ask(f, owned(flow("10.244.0.5", "10.244.0.77", 80), 200, f->cart));
	assert_true(x->backend.local_known);
	unlink(tree_path(&f->root, "var/lib/cni/results/cbr0-api-0-cni-api-eth0"));
	x = ask(f, owned(flow("10.244.0.5", "10.244.0.77", 80), 200, f->cart));
	assert_false(x->backend.local_known);
}

static void clients_without_owner_are_found_by_address(void **state)
{
	struct fixture *f = *state;
	const struct wd_facts *x = ask(f, flow("10.244.0.5", "10.244.0.6", 80));

	assert_true(x->client.host_known && !x->client.host);
	check_pod(&x->client.pod, "shop/cart-0");
	x = ask(f, flow("203.0.113.7", "10.244.0.6", 80));
	assert_true(x->client.host_known && !x->client.host);
	assert_string_equal(x->client.netns, "");
	check_pod(&x->client.pod, NULL);
	mount_make(f, "cni-idle");
	x = ask(f, flow("203.0.113.7", "10.244.0.6", 80));
	assert_true(x->client.host_known && !x->client.host);
}

static void the_way_is_told(void **state)
{
	struct fixture *f = *state;
	const struct wd_facts *x;
	char via[WD_ADDR_STRLEN];

	x = ask(f, owned(flow("10.244.0.5", "8.8.8.8", 53), 200, f->cart));
	assert_true(x->node_route.has_via);
	assert_string_equal(wd_addr_format(&x->node_route.via, via), "10.0.0.1");
	assert_string_equal(wd_addr_format(&x->neigh.addr, via), "10.0.0.1");
	assert_int_equal(x->neigh.state, WD_NEIGH_RESOLVED);
	assert_false(x->node_route.other_tables);
	x = ask(f, owned(flow("10.244.0.5", "10.244.0.9", 53), 200, f->cart));
	assert_int_equal(x->neigh.state, WD_NEIGH_INCOMPLETE);
	x = ask(f, owned(flow("10.244.0.5", "10.0.0.4", 53), 200, f->cart));
	assert_int_equal(x->node_route.kind, WD_ROUTE_LOCAL);
	assert_int_equal(x->neigh.state, WD_NEIGH_UNKNOWN);

	/* "*" without flag: the trie tells blackhole from throw. */
	x = ask(f, owned(flow("10.244.0.5", "10.8.1.1", 53), 200, f->cart));
	assert_int_equal(x->node_route.kind, WD_ROUTE_UNKNOWN);
	tree_write(&f->proc, NODE "/net/fib_trie",
	           "Id 5:\n  |-- 0.0.0.0\n     /0 universe UNICAST\n"
	           "Main:\n  |-- 10.8.0.0\n     /16 universe BLACKHOLE\n");
	x = ask(f, owned(flow("10.244.0.5", "10.8.1.1", 53), 200, f->cart));
	assert_int_equal(x->node_route.kind, WD_ROUTE_REJECT);
	assert_true(x->node_route.other_tables);
	tree_write(&f->proc, NODE "/net/fib_trie",
	           "Main:\n  |-- 10.8.0.0\n     /16 universe THROW\n");
	x = ask(f, owned(flow("10.244.0.5", "10.8.1.1", 53), 200, f->cart));
	assert_int_equal(x->node_route.kind, WD_ROUTE_NONE);
	assert_int_equal(x->neigh.state, WD_NEIGH_UNKNOWN);
}

static void counts_where_the_drop_was(void **state)
{
	struct fixture *f = *state;
	struct wd_flow w = owned(flow("10.244.0.5", "10.244.0.6", 80), 200, f->cart);

	w.n_drops = 2;
	w.drops[0].d.netns = f->api;
	w.drops[0].d.reason = "NETFILTER_DROP";
	assert_false(ask(f, w)->rpf_known);
	w.drops[1].d.netns = OWN;
	w.drops[1].d.reason = "IP_RPFILTER";
	/* What was counted before we came proves nothing. */
	assert_true(ask(f, w)->rpf_known);
	assert_int_equal(ask(f, w)->rpf_drops, 0);
	netstat(f, NODE, 1, 13);
	wd_node_facts(f->node, &w, &f->facts);
	assert_int_equal(f->facts.rpf_drops, 2);
	/* In a namespace that has gone: the client's would mislead. */
	w.drops[1].d.netns = GONE;
	assert_false(ask(f, w)->rpf_known);
}

static void namespaces_have_names(void **state)
{
	struct fixture *f = *state;
	uint32_t idle = mount_make(f, "my-lab");

	process(f, "800", NAMELESS, DOCKER);
	ask(f, flow("10.244.0.5", "10.244.0.6", 80));
	assert_string_equal(wd_node_netns_name(f->node, OWN), "node");
	assert_string_equal(wd_node_netns_name(f->node, f->cart), "shop/cart-0");
	assert_string_equal(wd_node_netns_name(f->node, f->api), "shop/api-0");
	assert_string_equal(wd_node_netns_name(f->node, idle), "my-lab");
	assert_null(wd_node_netns_name(f->node, NAMELESS));
	assert_null(wd_node_netns_name(f->node, GONE));
	assert_null(wd_node_netns_name(f->node, 0));
}

static void the_older_directory_will_do(void **state)
{
	struct fixture *f = *state;

	if (rename(tree_path(&f->root, "run"), text_of("%s/run2", f->root.root)))
		abort();
	tree_dir(&f->root, "var/run");
	tree_link(&f->root, "var/run/netns", text_of("%s/run2/netns", f->root.root));
	ask(f, flow("10.244.0.5", "10.244.0.6", 80));
	assert_string_equal(f->facts.backend.netns, "cni-api");
	check_pod(&f->facts.backend.pod, "shop/api-0");
}

static void an_empty_node_knows_nothing(void **state)
{
	struct fixture *f = *state;
	struct wd_flow w = owned(flow("10.244.0.5", "10.244.0.6", 80), 200, f->cart);
	struct wd_facts zero;

	tree_remove(&f->proc);
	tree_remove(&f->root);
	tree_make(&f->proc);
	tree_make(&f->root);
	memset(&zero, 0, sizeof(zero));
	assert_memory_equal(ask(f, w), &zero, sizeof(zero));
	wd_node_free(f->node);
	f->node = NULL;
	assert_true(wd_node_new_at("/nonexistent", "/", &f->node) < 0);
	assert_null(f->node);
}

/* A storm of questions about changing flows costs no scans: what appears meanwhile is
 * not seen before its time. */
static void a_storm_does_not_scan(void **state)
{
	struct fixture *f = *state;
	struct wd_flow w = owned(flow("10.244.0.5", "10.244.0.66", 80), 200, f->cart);
	uint64_t start = wd_clock_monotonic_ns();

	ask(f, w);
	process(f, "900", mount_make(f, "cni-new"), DOCKER);
	net(f, "900", "10.244.0.66", TCP_HEAD);
	for (int i = 0; i < 20; i++)
		wd_node_facts(f->node, &w, &f->facts);
	/* On a machine that stood still this says nothing. */
	if (wd_clock_monotonic_ns() - start < WD_PACE_MIN_AGE_NS)
		assert_false(f->facts.backend.local);
	usleep(WD_PACE_MIN_AGE_NS / 1000 + 50000);
	for (int i = 0; i < 20 && !f->facts.backend.local; i++) {
		wd_node_facts(f->node, &w, &f->facts);
		usleep(50000);
	}
	assert_true(f->facts.backend.local);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_a_whole_question),
		TEST(tells_listeners_apart),
		TEST(host_network_belongs_to_the_process),
		TEST(names_the_container),
		TEST(azure_is_one_more_witness),
		TEST(azure_files_are_read_when_they_change),
		TEST(a_pid_may_be_somebody_elses_by_now),
		TEST(pids_of_another_namespace_mean_nothing),
		TEST(visitors_do_not_name_a_namespace),
		TEST(one_address_twice_is_ambiguous),
		TEST(loopback_is_the_clients_own),
		TEST(the_dead_are_known_by_their_cgroup),
		TEST(what_cannot_be_read_is_unknown),
		TEST(clients_without_owner_are_found_by_address),
		TEST(the_way_is_told),
		TEST(counts_where_the_drop_was),
		TEST(namespaces_have_names),
		TEST(the_older_directory_will_do),
		TEST(an_empty_node_knows_nothing),
		TEST(a_storm_does_not_scan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
