/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster store: what is put is found under every key, and gone when it is gone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/store.h"

static struct wd_addr addr(const char *text)
{
	struct wd_addr a;

	assert_int_equal(wd_addr_parse(text, &a), 0);
	return a;
}

static struct wd_addr ips[4];
static struct wd_label labels[] = {{"app", "cart"}, {"tier", "front"}};

static struct wd_object pod(const char *name, const char *ip)
{
	struct wd_object o = {.kind = WD_RESOURCE_POD};

	ips[0] = addr(ip);
	o.pod = (struct wd_pod){.ns = "shop",
	                        .name = name,
	                        .node = "n1",
	                        .labels = {labels, 2},
	                        .ips = ips,
	                        .n_ips = 1};
	return o;
}

static struct wd_object service(const char *name, const char *ip, uint16_t port)
{
	static struct wd_service_port ports[2];
	struct wd_object o = {.kind = WD_RESOURCE_SERVICE};

	ips[1] = addr(ip);
	ports[0] = (struct wd_service_port){"http", port, 30080, 8080, "", 6};
	ports[1] = (struct wd_service_port){"dns", 53, 0, 0, "dns", 17};
	o.service = (struct wd_service){.ns = "shop",
	                                .name = name,
	                                .cluster_ips = &ips[1],
	                                .n_cluster_ips = 1,
	                                .ports = ports,
	                                .n_ports = 2,
	                                .selector = {labels, 1},
	                                .external_name = ""};
	return o;
}

static struct wd_object slice(const char *name, const char *of, const char *a, const char *b)
{
	static struct wd_endpoint e[3];
	static struct wd_slice_port ports[] = {{"http", 8080, 6}, {"dns", 53, 17}};
	struct wd_object o = {.kind = WD_RESOURCE_SLICE};

	e[0] = (struct wd_endpoint){addr(a), true, true, false, "n1", "shop", "cart-0"};
	e[1] = (struct wd_endpoint){addr(b), false, true, true, "n2", "", ""};
	e[2] = e[0]; /* the same address twice: told twice, kept once in the index */
	o.slice = (struct wd_slice){.ns = "shop",
	                            .name = name,
	                            .service = of,
	                            .endpoints = e,
	                            .n_endpoints = 3,
	                            .ports = ports,
	                            .n_ports = 2};
	return o;
}

static struct wd_store *store;

static int start(void **state)
{
	(void)state;
	return wd_store_new(&store);
}

static int end(void **state)
{
	(void)state;
	wd_store_free(store);
	return 0;
}

static void put(struct wd_object o)
{
	assert_int_equal(wd_store_put(store, &o), 0);
}

static unsigned int by_ip(const char *ip, const struct wd_pod *ret[4])
{
	struct wd_addr a = addr(ip);

	memset(ret, 0, 4 * sizeof(*ret));
	return wd_store_pods_by_ip(store, &a, ret, 4);
}

static void test_copies_what_it_is_given(void **state)
{
	char name[] = "cart-0", key[] = "app";
	struct wd_object o = pod(name, "10.244.0.7");
	const struct wd_object *got;

	(void)state;
	labels[0].key = key;
	put(o);
	strcpy(name, "xxxxxx");
	strcpy(key, "yyy");
	labels[0].key = "app";
	ips[0] = addr("1.1.1.1");
	got = wd_store_get(store, WD_RESOURCE_POD, "shop", "cart-0");
	assert_non_null(got);
	assert_string_equal(wd_labels_get(&got->pod.labels, "app"), "cart");
	assert_null(wd_labels_get(&got->pod.labels, "none"));
	assert_int_equal(got->pod.ips[0].b[15], 7);
	assert_null(wd_store_get(store, WD_RESOURCE_POD, "other", "cart-0"));
	assert_null(wd_store_get(store, WD_RESOURCE_SERVICE, "shop", "cart-0"));
}

static void test_replacing_forgets_the_old_address(void **state)
{
	const struct wd_pod *p[4];
	uint64_t generation = wd_store_generation(store, WD_RESOURCE_POD);

	(void)state;
	put(pod("cart-0", "10.244.0.7"));
	put(pod("cart-0", "10.244.0.8"));
	assert_int_equal(wd_store_count(store, WD_RESOURCE_POD), 1);
	assert_int_equal(by_ip("10.244.0.7", p), 0);
	assert_int_equal(by_ip("10.244.0.8", p), 1);
	assert_true(wd_store_generation(store, WD_RESOURCE_POD) > generation);
	assert_int_equal(wd_store_delete(store, WD_RESOURCE_POD, "shop", "cart-0"), 0);
	assert_int_equal(wd_store_delete(store, WD_RESOURCE_POD, "shop", "cart-0"), -ENOENT);
	assert_int_equal(by_ip("10.244.0.8", p), 0);
}

static void test_who_owns_an_address(void **state)
{
	struct wd_object done = pod("done", "10.244.0.7"), going = pod("going", "10.244.0.7"),
			 host = pod("host", "10.244.0.7"), live = pod("live", "10.244.0.7");
	const struct wd_pod *p[4];

	(void)state;
	done.pod.terminal = true;
	going.pod.terminating = true;
	host.pod.host_network = true;
	put(done);
	put(host);
	assert_int_equal(by_ip("10.244.0.7", p), 1);
	assert_string_equal(p[0]->name, "done");
	put(going);
	put(live);
	assert_int_equal(by_ip("10.244.0.7", p), 3);
	assert_string_equal(p[0]->name, "live");
	assert_string_equal(p[1]->name, "going");
	assert_string_equal(p[2]->name, "done");
	/* more than there is room for: the best of them, and how many there are */
	assert_int_equal(wd_store_pods_by_ip(store, &live.pod.ips[0], p, 1), 3);
	assert_string_equal(p[0]->name, "live");
	wd_store_delete(store, WD_RESOURCE_POD, "shop", "live");
	wd_store_delete(store, WD_RESOURCE_POD, "shop", "going");
	wd_store_delete(store, WD_RESOURCE_POD, "shop", "done");
	/* nobody else: the address is the node's */
	assert_int_equal(by_ip("10.244.0.7", p), 1);
	assert_string_equal(p[0]->name, "host");
}

static void test_service_by_address(void **state)
{
	struct wd_service_match m;
	struct wd_addr vip = addr("10.0.0.10"), shared = addr("20.1.2.3"),
		       other = addr("10.0.0.11");
	struct wd_object a = service("a", "10.0.0.10", 80), b;

	(void)state;
	a.service.external_ips = &shared;
	a.service.n_external_ips = 1;
	put(a);
	b = service("b", "10.0.0.11", 443);
	b.service.lb_ips = &shared;
	b.service.n_lb_ips = 1;
	put(b);
	assert_true(wd_store_service_by_addr(store, &vip, 80, 6, &m));
	assert_string_equal(m.service->name, "a");
	assert_string_equal(m.port->name, "http");
	assert_int_equal(m.via, WD_VIA_CLUSTER_IP);
	/* the port is there, but not for this protocol */
	assert_true(wd_store_service_by_addr(store, &vip, 80, 17, &m));
	assert_null(m.port);
	assert_true(wd_store_service_by_addr(store, &shared, 443, 6, &m));
	assert_string_equal(m.service->name, "b");
	assert_int_equal(m.via, WD_VIA_LOAD_BALANCER);
	assert_true(wd_store_service_by_addr(store, &shared, 80, 6, &m));
	assert_string_equal(m.service->name, "a");
	assert_int_equal(m.via, WD_VIA_EXTERNAL_IP);
	assert_true(wd_store_service_by_node_port(store, 30080, 6, &m));
	assert_int_equal(m.via, WD_VIA_NODE_PORT);
	assert_false(wd_store_service_by_node_port(store, 30080, 17, &m));
	wd_store_delete(store, WD_RESOURCE_SERVICE, "shop", "b");
	assert_false(wd_store_service_by_addr(store, &other, 443, 6, &m));
	assert_true(wd_store_service_by_addr(store, &shared, 443, 6, &m));
	assert_null(m.port);
}

struct seen {
	unsigned int n, stop;
	char last[64];
};

static bool see(const struct wd_endpoint_match *m, void *ctx)
{
	struct seen *s = ctx;

	snprintf(s->last, sizeof(s->last), "%s %s %s", m->slice->service, m->port->name,
	         m->endpoint->pod);
	return ++s->n != s->stop;
}

static void test_endpoints(void **state)
{
	struct wd_addr a = addr("10.244.0.7"), b = addr("fd00::7"), c = addr("10.244.0.9");
	struct wd_object svc = service("cart", "10.0.0.10", 80);
	struct seen s = {0};

	(void)state;
	put(slice("cart-1", "cart", "10.244.0.7", "fd00::7"));
	put(slice("other-1", "other", "10.244.0.7", "10.244.0.9"));
	wd_store_endpoints_by_addr(store, &b, 8080, 6, see, &s);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.last, "cart http ");
	s.n = 0;
	wd_store_endpoints_by_addr(store, &a, 8080, 6, see, &s);
	assert_int_equal(s.n, 4); /* twice in each of two slices */
	s = (struct seen){.stop = 2};
	wd_store_endpoints_by_addr(store, &a, 8080, 6, see, &s);
	assert_int_equal(s.n, 2);
	s = (struct seen){0};
	wd_store_endpoints_by_addr(store, &c, 9999, 6, see, &s);
	assert_int_equal(s.n, 0);
	wd_store_endpoints_by_addr(store, &c, 0, 0, see, &s);
	assert_int_equal(s.n, 2); /* any of two ports */
	s = (struct seen){0};
	wd_store_backends(store, &svc.service, "http", see, &s);
	assert_int_equal(s.n, 3);
	s = (struct seen){0};
	wd_store_backends(store, &svc.service, NULL, see, &s);
	assert_int_equal(s.n, 6);
	wd_store_delete(store, WD_RESOURCE_SLICE, "shop", "cart-1");
	s = (struct seen){0};
	wd_store_backends(store, &svc.service, NULL, see, &s);
	wd_store_endpoints_by_addr(store, &b, 0, 0, see, &s);
	assert_int_equal(s.n, 0);
}

static void test_resync(void **state)
{
	struct wd_object one = pod("one", "10.244.3.1");
	char name[16], ip[32];

	(void)state;
	one.pod.on_demand = true;
	put(one);
	for (unsigned int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		snprintf(ip, sizeof(ip), "10.244.%u.%u", i / 200, i % 200);
		put(pod(name, ip));
	}
	/* a list that breaks off deletes nothing */
	wd_store_resync_begin(store, WD_RESOURCE_POD);
	put(pod("p7", "10.244.0.7"));
	wd_store_resync_end(store, WD_RESOURCE_POD, false);
	assert_int_equal(wd_store_count(store, WD_RESOURCE_POD), 301);
	wd_store_resync_begin(store, WD_RESOURCE_POD);
	put(pod("p8", "10.244.0.8"));
	put(pod("new", "10.244.9.9"));
	wd_store_resync_end(store, WD_RESOURCE_POD, true);
	assert_int_equal(wd_store_count(store, WD_RESOURCE_POD), 3);
	assert_non_null(wd_store_get(store, WD_RESOURCE_POD, "shop", "one"));
	assert_non_null(wd_store_get(store, WD_RESOURCE_POD, "shop", "new"));
	assert_null(wd_store_get(store, WD_RESOURCE_POD, "shop", "p7"));
}

static void test_watched_pod_stays_watched(void **state)
{
	struct wd_object o = pod("cart-0", "10.244.0.7");

	(void)state;
	put(o);
	o.pod.on_demand = true;
	put(o);
	assert_false(wd_store_get(store, WD_RESOURCE_POD, "shop", "cart-0")->pod.on_demand);
}

static void test_policy_is_copied_to_its_depth(void **state)
{
	const char *values[] = {"a", "b"};
	struct wd_selector_expr x = {"env", WD_SELECTOR_IN, values, 2};
	struct wd_prefix except = {addr("10.1.0.0"), 112};
	struct wd_policy_peer peer = {.has_block = true,
	                              .block = {addr("10.0.0.0"), 104},
	                              .except = &except,
	                              .n_except = 1,
	                              .pods = {true, {labels, 1}, &x, 1}};
	struct wd_policy_port port = {6, 0, 0, "http"};
	struct wd_policy_rule rule = {&peer, 1, &port, 1};
	struct wd_object o = {.kind = WD_RESOURCE_POLICY};
	const struct wd_policy *p;

	(void)state;
	o.policy = (struct wd_policy){.ns = "shop",
	                              .name = "deny",
	                              .ingress = true,
	                              .ingress_rules = &rule,
	                              .n_ingress_rules = 1};
	put(o);
	values[1] = "changed";
	except.bits = 1;
	p = &wd_store_get(store, WD_RESOURCE_POLICY, "shop", "deny")->policy;
	assert_int_equal(p->ingress_rules[0].peers[0].except[0].bits, 112);
	assert_string_equal(p->ingress_rules[0].peers[0].pods.exprs[0].values[1], "b");
	assert_string_equal(p->ingress_rules[0].ports[0].named, "http");
}

static void test_state_and_api_servers(void **state)
{
	char problem[] = "403 forbidden";
	struct wd_store_state st = {.node_only = true, .problem = problem};
	struct wd_api_server api[] = {{addr("10.0.0.1"), 443, "kubernetes", "rules"},
	                              {addr("20.0.0.1"), 443, NULL, "kubeconfig"}};
	const struct wd_api_server *got;

	(void)state;
	wd_store_set_state(store, WD_RESOURCE_POD, &st);
	problem[0] = 'x';
	assert_string_equal(wd_store_state(store, WD_RESOURCE_POD)->problem, "403 forbidden");
	/* its own words may come back */
	st = *wd_store_state(store, WD_RESOURCE_POD);
	wd_store_set_state(store, WD_RESOURCE_POD, &st);
	assert_string_equal(wd_store_state(store, WD_RESOURCE_POD)->problem, "403 forbidden");
	assert_null(wd_store_state(store, WD_RESOURCE_NODE)->problem);
	assert_int_equal(wd_store_set_api_servers(store, api, 2), 0);
	assert_int_equal(wd_store_api_servers(store, &got), 2);
	assert_string_equal(got[1].name, "");
	assert_int_equal(wd_store_set_api_servers(store, got, 1), 0);
	assert_int_equal(wd_store_api_servers(store, &got), 1);
	assert_string_equal(got[0].name, "kubernetes");
}

static void test_nameless_is_refused(void **state)
{
	struct wd_object o = pod("", "10.244.0.7");
	const struct wd_pod *p[4];

	(void)state;
	assert_int_equal(wd_store_put(store, &o), -EINVAL);
	assert_int_equal(by_ip("10.244.0.7", p), 0);
}

static void test_kinds(void **state)
{
	(void)state;
	assert_int_equal(wd_resource_of_kind("PodList"), WD_RESOURCE_POD);
	assert_int_equal(wd_resource_of_kind("NodeNetworkConfig"), WD_RESOURCE_NNC);
	assert_int_equal(wd_resource_of_kind("NodeList"), WD_RESOURCE_NODE);
	assert_int_equal(wd_resource_of_kind("Nod"), WD_RESOURCE_MAX);
	assert_int_equal(wd_resource_of_kind("List"), WD_RESOURCE_MAX);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_copies_what_it_is_given),
		TEST(test_replacing_forgets_the_old_address),
		TEST(test_who_owns_an_address),
		TEST(test_service_by_address),
		TEST(test_endpoints),
		TEST(test_resync),
		TEST(test_watched_pod_stays_watched),
		TEST(test_policy_is_copied_to_its_depth),
		TEST(test_state_and_api_servers),
		TEST(test_nameless_is_refused),
		TEST(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
