/* SPDX-License-Identifier: Apache-2.0 */
/* Who stands behind addresses: the nearest source that knows, and nobody where that is doubtful. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/hosts.h"
#include "model/who.h"

#define SEC 1000000000ull

static struct wd_store *api, *node;
static struct wd_stores stores;

static struct wd_addr addr(const char *text)
{
	struct wd_addr a;

	assert_int_equal(wd_addr_parse(text, &a), 0);
	return a;
}

static int start(void **state)
{
	(void)state;
	assert_int_equal(wd_store_new(&api), 0);
	assert_int_equal(wd_store_new(&node), 0);
	memset(&stores, 0, sizeof(stores));
	stores.v[WD_SOURCE_API] = api;
	stores.v[WD_SOURCE_NODE] = node;
	return 0;
}

static int end(void **state)
{
	(void)state;
	wd_store_free(api);
	wd_store_free(node);
	return 0;
}

static struct wd_pod *pod(struct wd_object *o, const char *name, const struct wd_addr *ip)
{
	*o = (struct wd_object){.kind = WD_RESOURCE_POD};
	o->pod = (struct wd_pod){.ns = "shop", .name = name, .node = "n1", .ips = ip, .n_ips = 1};
	return &o->pod;
}

static void put_pod(struct wd_store *s, const char *name, const char *ip)
{
	struct wd_addr a = addr(ip);
	struct wd_object o;

	pod(&o, name, &a);
	assert_int_equal(wd_store_put(s, &o), 0);
}

static void put_service(struct wd_store *s, const char *ns, const char *name, const char *ip,
                        uint16_t port, uint16_t node_port)
{
	struct wd_addr a = addr(ip);
	struct wd_service_port p = {"https", port, node_port, 8443, "", 6};
	struct wd_object o = {.kind = WD_RESOURCE_SERVICE};

	o.service = (struct wd_service){.ns = ns,
	                                .name = name,
	                                .cluster_ips = &a,
	                                .n_cluster_ips = 1,
	                                .ports = &p,
	                                .n_ports = 1,
	                                .external_name = ""};
	assert_int_equal(wd_store_put(s, &o), 0);
}

static void put_slice(struct wd_store *s, const char *ns, const char *of, const char *ip,
                      const char *pod_name, bool ready)
{
	struct wd_endpoint e = {addr(ip), ready, ready, false, "n2", pod_name[0] ? ns : "",
	                        pod_name};
	struct wd_slice_port p = {"https", 8443, 6};
	struct wd_object o = {.kind = WD_RESOURCE_SLICE};
	struct wd_store_state st = {.complete = true, .as_of_ns = 100 * SEC};

	o.slice = (struct wd_slice){ns, of, of, &e, 1, &p, 1};
	assert_int_equal(wd_store_put(s, &o), 0);
	wd_store_set_state(s, WD_RESOURCE_SLICE, &st);
}

static struct wd_who ask(const char *from, const char *to, uint16_t port, const char *backend,
                         uint16_t backend_port)
{
	struct wd_tuple t = {.saddr = addr(from),
	                     .daddr = addr(to),
	                     .sport = 40000,
	                     .dport = port,
	                     .proto = WD_PROTO_TCP};
	struct wd_addr b = addr(backend ? backend : "::");
	struct wd_who who;

	wd_who_find(&stores, &t, backend ? &b : NULL, backend_port, 103 * SEC, &who);
	return who;
}

static void test_service_and_backend(void **state)
{
	struct wd_who w;

	(void)state;
	put_pod(api, "cart-0", "10.244.0.7");
	put_service(api, "payments", "api", "10.0.0.10", 443, 30443);
	put_slice(api, "payments", "api", "10.244.1.9", "api-1", true);
	w = ask("10.244.0.7", "10.0.0.10", 443, "10.244.1.9", 8443);
	assert_string_equal(w.client.ref.name, "cart-0");
	assert_string_equal(w.client.node, "n1");
	assert_string_equal(w.service.name, "api");
	assert_string_equal(w.service.ns, "payments");
	assert_string_equal(w.service.port, "https");
	assert_int_equal(w.service.via, WD_VIA_CLUSTER_IP);
	/* a pod of another node is known by its endpoint alone */
	assert_string_equal(w.backend.ref.name, "api-1");
	assert_string_equal(w.backend.node, "n2");
	assert_true(w.service.endpoints_known && w.service.ready == 1);
	assert_true(w.service.backend_known && w.service.backend_is_endpoint);
	assert_true(w.service.backend_ready);
	assert_false(w.api_server);
	assert_int_equal(w.age_ms[WD_RESOURCE_SLICE], 3000);
	assert_int_equal(w.age_source[WD_RESOURCE_SLICE], WD_SOURCE_API);
	assert_int_equal(w.age_ms[WD_RESOURCE_POD], UINT64_MAX);
	/* nobody's backend */
	w = ask("10.244.0.7", "10.0.0.10", 443, "10.244.1.8", 8443);
	assert_true(w.service.backend_known && !w.service.backend_is_endpoint);
	assert_string_equal(w.backend.ref.name, "");
	/* the right address, another port */
	w = ask("10.244.0.7", "10.0.0.10", 443, "10.244.1.9", 9999);
	assert_false(w.service.backend_is_endpoint);
	w = ask("10.244.0.7", "10.0.0.10", 443, NULL, 0);
	assert_false(w.service.backend_known);
	w = ask("10.244.0.7", "10.0.0.11", 443, NULL, 0);
	assert_string_equal(w.service.name, "");
}

static void test_undefined_port(void **state)
{
	struct wd_who w;

	(void)state;
	put_service(api, "payments", "api", "10.0.0.10", 443, 0);
	w = ask("10.244.0.7", "10.0.0.10", 80, NULL, 0);
	assert_string_equal(w.service.name, "api");
	assert_true(w.service.port_undefined);
	assert_false(w.service.endpoints_known);
	/* the node's rules have it already: the API's copy is old */
	put_service(node, "payments", "api", "10.0.0.10", 80, 0);
	w = ask("10.244.0.7", "10.0.0.10", 80, NULL, 0);
	assert_false(w.service.port_undefined);
	assert_int_equal(w.service.source, WD_SOURCE_NODE);
}

static void test_endpoints_of_an_incomplete_list_prove_nothing(void **state)
{
	struct wd_store_state half = {.complete = false, .as_of_ns = SEC};
	struct wd_who w;

	(void)state;
	put_service(api, "payments", "api", "10.0.0.10", 443, 0);
	put_slice(api, "payments", "api", "10.244.1.8", "", true);
	wd_store_set_state(api, WD_RESOURCE_SLICE, &half);
	wd_store_set_state(api, WD_RESOURCE_POD, &half);
	w = ask("10.244.0.7", "10.0.0.10", 443, "10.244.1.9", 8443);
	assert_false(w.service.endpoints_known);
	assert_false(w.service.backend_known);
	assert_true(w.partial[WD_RESOURCE_SLICE]);
	/* who knows no pod at all is no source of pods */
	assert_int_equal(w.age_ms[WD_RESOURCE_POD], UINT64_MAX);
}

static void test_two_who_claim_it(void **state)
{
	struct wd_addr a = addr("10.244.0.7");
	struct wd_object o;
	struct wd_who w;

	(void)state;
	put_pod(api, "one", "10.244.0.7");
	put_pod(api, "two", "10.244.0.7");
	w = ask("10.244.0.7", "10.0.0.10", 443, NULL, 0);
	assert_string_equal(w.client.ref.name, "");
	assert_int_equal(w.client.claims, 2);
	/* one of them is on its way out: the other's */
	pod(&o, "one", &a)->terminating = true;
	assert_int_equal(wd_store_put(api, &o), 0);
	w = ask("10.244.0.7", "10.0.0.10", 443, NULL, 0);
	assert_string_equal(w.client.ref.name, "two");
	/* in the node's own namespace the address names nobody */
	wd_store_delete(api, WD_RESOURCE_POD, "shop", "one");
	wd_store_delete(api, WD_RESOURCE_POD, "shop", "two");
	pod(&o, "host", &a)->host_network = true;
	assert_int_equal(wd_store_put(api, &o), 0);
	w = ask("10.244.0.7", "10.0.0.10", 443, NULL, 0);
	assert_string_equal(w.client.ref.name, "");
}

static void test_two_endpoints_name_it_differently(void **state)
{
	struct wd_who w;

	(void)state;
	put_slice(api, "payments", "api", "10.244.1.9", "api-1", true);
	put_slice(api, "payments", "other", "10.244.1.9", "api-1", true);
	w = ask("10.244.0.7", "10.244.1.9", 8443, NULL, 0);
	assert_string_equal(w.backend.ref.name, "api-1");
	put_slice(api, "payments", "third", "10.244.1.9", "somebody", true);
	w = ask("10.244.0.7", "10.244.1.9", 8443, NULL, 0);
	assert_string_equal(w.backend.ref.name, "");
}

static void test_api_server(void **state)
{
	struct wd_api_server at = {addr("20.1.2.3"), 443, "x.hcp.westeurope.azmk8s.io",
	                           "kubeconfig"};
	struct wd_who w;

	(void)state;
	put_service(node, "default", "kubernetes", "10.0.0.1", 443, 0);
	put_slice(node, "default", "kubernetes", "40.64.79.12", "", true);
	assert_int_equal(wd_store_set_api_servers(node, &at, 1), 0);
	assert_true(ask("10.244.0.7", "10.0.0.1", 443, NULL, 0).api_server);
	assert_true(ask("10.244.0.7", "40.64.79.12", 8443, NULL, 0).api_server);
	assert_false(ask("10.244.0.7", "40.64.79.12", 80, NULL, 0).api_server);
	w = ask("10.244.0.7", "20.1.2.3", 443, NULL, 0);
	assert_true(w.api_server);
	assert_string_equal(w.api_name, "x.hcp.westeurope.azmk8s.io");
	assert_false(ask("10.244.0.7", "20.1.2.3", 80, NULL, 0).api_server);
	/* somebody else's Service of that name */
	put_service(node, "shop", "kubernetes", "10.0.0.2", 443, 0);
	assert_false(ask("10.244.0.7", "10.0.0.2", 443, NULL, 0).api_server);
}

static void test_node_port_only_at_a_node(void **state)
{
	struct wd_addr ip = addr("10.1.0.4");
	struct wd_object o = {.kind = WD_RESOURCE_NODE};

	(void)state;
	put_service(api, "payments", "api", "10.0.0.10", 443, 30443);
	assert_string_equal(ask("10.244.0.7", "10.1.0.4", 30443, NULL, 0).service.name, "");
	o.node = (struct wd_node_object){.name = "n1", .internal_ips = &ip, .n_internal_ips = 1};
	assert_int_equal(wd_store_put(api, &o), 0);
	assert_int_equal(ask("10.244.0.7", "10.1.0.4", 30443, NULL, 0).service.via,
	                 WD_VIA_NODE_PORT);
	assert_string_equal(ask("10.244.0.7", "10.1.0.5", 30443, NULL, 0).service.name, "");
}

static void test_nothing_known(void **state)
{
	struct wd_stores none = {{NULL}};
	struct wd_tuple t = {.saddr = addr("10.244.0.7"), .daddr = addr("10.0.0.1"), .dport = 443};
	struct wd_who w;

	(void)state;
	wd_who_find(&none, &t, NULL, 0, SEC, &w);
	assert_false(w.api_server);
	assert_string_equal(w.service.name, "");
	assert_int_equal(w.age_ms[WD_RESOURCE_SERVICE], UINT64_MAX);
}

static void test_hosts(void **state)
{
	struct wd_addr a = addr("10.0.0.1"), b = addr("10.0.0.2");
	struct wd_host_key k = {a, 443, 6};
	struct wd_hosts *h;

	(void)state;
	assert_int_equal(wd_hosts_new(&h), 0);
	assert_int_equal(wd_hosts_add(h, &a, 443, 6), 0);
	assert_int_equal(wd_hosts_add(h, &a, 443, 6), 0);
	assert_int_equal(wd_hosts_add(h, &b, 0, 0), 0);
	assert_int_equal(wd_hosts_count(h), 2);
	assert_true(wd_hosts_has(h, &k));
	k.proto = 17;
	assert_false(wd_hosts_has(h, &k));
	assert_true(wd_hosts_match(h, &a, 443));
	assert_false(wd_hosts_match(h, &a, 80));
	assert_true(wd_hosts_match(h, &b, 80));
	assert_false(wd_hosts_match(NULL, &b, 80));
	for (unsigned int i = 0; wd_hosts_count(h) < WD_HOSTS_MAX; i++) {
		a.b[13] = (uint8_t)(i >> 16);
		a.b[14] = (uint8_t)(i >> 8);
		a.b[15] = (uint8_t)i;
		assert_int_equal(wd_hosts_add(h, &a, 1, 6), 0);
	}
	assert_true(wd_hosts_add(h, &b, 9, 6) < 0);
	wd_hosts_free(h);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_service_and_backend),
		TEST(test_undefined_port),
		TEST(test_endpoints_of_an_incomplete_list_prove_nothing),
		TEST(test_two_who_claim_it),
		TEST(test_two_endpoints_name_it_differently),
		TEST(test_api_server),
		TEST(test_node_port_only_at_a_node),
		TEST(test_nothing_known),
		TEST(test_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
