/* SPDX-License-Identifier: Apache-2.0 */
/* Target words, and the addresses that they stand for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/spec.h"

static struct wd_targets fixed;
static struct wd_spec spec;
static struct wd_store *store;
static struct wd_stores stores;
static struct wd_spec_result result;

static struct wd_addr addr(const char *text)
{
	struct wd_addr a;

	assert_int_equal(wd_addr_parse(text, &a), 0);
	return a;
}

static void put_service(const char *ns, const char *name, const char *ip, uint16_t port,
                        uint8_t proto, uint16_t node_port)
{
	struct wd_addr a = addr(ip);
	struct wd_service_port p = {"p", port, node_port, 0, "", proto};
	struct wd_object o = {.kind = WD_RESOURCE_SERVICE};

	o.service = (struct wd_service){.ns = ns,
	                                .name = name,
	                                .cluster_ips = &a,
	                                .n_cluster_ips = 1,
	                                .ports = &p,
	                                .n_ports = 1,
	                                .external_name = ""};
	assert_int_equal(wd_store_put(store, &o), 0);
}

static void put_slice(const char *ns, const char *of, const char *ip, uint16_t port, uint8_t proto)
{
	struct wd_endpoint e = {addr(ip), true, true, false, "", "", ""};
	struct wd_slice_port p = {"p", port, proto};
	struct wd_object o = {.kind = WD_RESOURCE_SLICE};

	o.slice = (struct wd_slice){ns, of, of, &e, 1, &p, 1};
	assert_int_equal(wd_store_put(store, &o), 0);
}

static int start(void **state)
{
	struct wd_api_server at = {addr("20.1.2.3"), 443, "", "test"};
	struct wd_addr ip = addr("10.244.0.7");
	struct wd_object pod = {.kind = WD_RESOURCE_POD};

	(void)state;
	memset(&fixed, 0, sizeof(fixed));
	memset(&stores, 0, sizeof(stores));
	assert_int_equal(wd_store_new(&store), 0);
	stores.v[WD_SOURCE_NODE] = store;
	put_service("default", "kubernetes", "10.0.0.1", 443, 6, 0);
	put_slice("default", "kubernetes", "40.0.0.1", 6443, 6);
	put_service("kube-system", "kube-dns", "10.0.0.10", 53, 17, 0);
	put_slice("kube-system", "kube-dns", "10.244.0.5", 5353, 17);
	put_service("payments", "api", "10.0.0.20", 443, 6, 30443);
	put_slice("payments", "api", "10.244.1.9", 8443, 6);
	pod.pod =
		(struct wd_pod){.ns = "shop", .name = "cart-0", .node = "", .ips = &ip, .n_ips = 1};
	assert_int_equal(wd_store_put(store, &pod), 0);
	return wd_store_set_api_servers(store, &at, 1);
}

static int end(void **state)
{
	(void)state;
	wd_spec_release(&spec);
	wd_hosts_free(result.hosts);
	result.hosts = NULL;
	wd_store_free(store);
	return 0;
}

static int parse(char *a, char *b)
{
	char *words[] = {a, b};
	const char *word, *why;

	return wd_spec_parse(&spec, &fixed, words, b ? 2 : a ? 1 : 0, &word, &why);
}

static void resolve(void)
{
	struct wd_addr ips[] = {addr("10.1.0.4")},
		       resolvers[] = {addr("168.63.129.16"), addr("127.0.0.53")};

	wd_hosts_free(result.hosts);
	assert_int_equal(wd_spec_resolve(&spec, &stores, ips, 1, resolvers, 2, &result), 0);
}

static bool traces(const char *ip, uint16_t port)
{
	struct wd_addr a = addr(ip);

	return wd_hosts_match(result.hosts, &a, port);
}

static void test_default(void **state)
{
	(void)state;
	assert_int_equal(parse(NULL, NULL), 0);
	assert_true(spec.by_default && spec.api && spec.services && spec.dns);
	resolve();
	assert_true(traces("10.0.0.1", 443) && traces("40.0.0.1", 6443) && traces("20.1.2.3", 443));
	assert_true(traces("10.0.0.20", 443) && traces("10.244.1.9", 8443));
	/* a port that the Service does not define is what fails */
	assert_true(traces("10.0.0.20", 9999));
	assert_true(traces("10.1.0.4", 30443));
	assert_true(traces("168.63.129.16", 53));
	assert_false(traces("10.244.1.9", 80) || traces("20.1.2.3", 80) || traces("10.1.0.4", 22));
	/* a resolver on the node itself would let all of loopback through */
	assert_false(traces("127.0.0.53", 53));
	assert_true(result.api && result.services && result.dns);
}

static void test_single_words(void **state)
{
	char api[] = "api", dns[] = "dns";

	(void)state;
	assert_int_equal(parse(api, NULL), 0);
	assert_false(spec.by_default);
	resolve();
	assert_true(traces("40.0.0.1", 6443));
	assert_false(traces("10.0.0.20", 443) || traces("10.0.0.10", 53));
	assert_int_equal(parse(dns, NULL), 0);
	resolve();
	assert_true(traces("10.0.0.10", 53) && traces("10.244.0.5", 5353));
	assert_false(traces("10.0.0.1", 443) || traces("10.0.0.20", 443));
}

static void test_names(void **state)
{
	char svc[] = "svc/payments/api", pod[] = "pod/shop/cart-0", none[] = "svc/payments/none";

	(void)state;
	assert_int_equal(parse(svc, pod), 0);
	resolve();
	assert_true(traces("10.0.0.20", 443) && traces("10.244.1.9", 8443));
	assert_true(traces("10.244.0.7", 1));
	assert_false(traces("10.0.0.1", 443));
	assert_int_equal(result.missing, 0);
	wd_spec_release(&spec);
	assert_int_equal(parse(svc, none), 0);
	resolve();
	assert_int_equal(result.missing, 1);
	assert_string_equal(result.first_missing->name, "none");
}

static void test_bad_words(void **state)
{
	static const char *const bad[] = {"svc/a", "svc//b",     "svc/a/", "pod/a/b/c", "apis",
	                                  "svc",   "10.0.0.1/8", "",       "service",   "pods"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char word[32], *words[] = {word};
		const char *which = NULL, *why = NULL;

		snprintf(word, sizeof(word), "%s", bad[i]);
		assert_true(wd_spec_parse(&spec, &fixed, words, 1, &which, &why) < 0);
		assert_ptr_equal(which, word);
		assert_true(strlen(why) > 10);
	}
}

static void test_prefixes_beside_names(void **state)
{
	char net[] = "10.96.0.0/12:443", api[] = "api";
	struct wd_addr in = addr("10.96.0.1");

	(void)state;
	assert_int_equal(parse(net, api), 0);
	assert_int_equal(fixed.n, 1);
	assert_true(wd_targets_match(&fixed, &in, 443));
	resolve();
	fixed.hosts = result.hosts;
	in = addr("40.0.0.1");
	assert_true(wd_targets_match(&fixed, &in, 6443));
	assert_false(wd_targets_match(&fixed, &in, 443));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_default),   TEST(test_single_words),          TEST(test_names),
		TEST(test_bad_words), TEST(test_prefixes_beside_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
