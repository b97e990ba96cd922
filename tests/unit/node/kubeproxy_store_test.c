/* SPDX-License-Identifier: Apache-2.0 */
/* What kube-proxy's rules put into a store can be found in it. */
#include "model/store.h"
#include "model/tuple.h"
#include "node/apiserver.h"
#include "tests/unit/node/kubeproxy.h"

#define DATA "tests/unit/node/data/"

static int setup(void **state)
{
	return wd_store_new((struct wd_store **)state);
}

static int teardown(void **state)
{
	wd_store_free(*state);
	return 0;
}

static void fill(struct wd_store *s, struct wd_kubeproxy *k)
{
	wd_store_resync_begin(s, WD_RESOURCE_SERVICE);
	wd_store_resync_begin(s, WD_RESOURCE_SLICE);
	assert_int_equal(wd_kubeproxy_put(k, s), 0);
	wd_store_resync_end(s, WD_RESOURCE_SERVICE, true);
	wd_store_resync_end(s, WD_RESOURCE_SLICE, true);
	wd_kubeproxy_free(k);
}

static struct wd_kubeproxy *shop(void)
{
	struct wd_kubeproxy *k = NULL;
	char *text;
	size_t n;

	text = file_read(DATA "iptables-legacy.save", &n);
	assert_non_null(text);
	assert_int_equal(wd_kubeproxy_new(&k), 0);
	assert_int_equal(save_read(k, WD_KUBEPROXY_LEGACY, text, n, 512), 0);
	free(text);
	return k;
}

static struct wd_addr ip(const char *text)
{
	struct wd_addr a;

	assert_int_equal(wd_addr_parse(text, &a), 0);
	return a;
}

static bool count(const struct wd_endpoint_match *m, void *ctx)
{
	assert_true(m->endpoint->ready);
	++*(unsigned int *)ctx;
	return true;
}

static void services_are_found(void **state)
{
	struct wd_addr dns = ip("10.96.0.10"), pod = ip("10.244.0.2");
	struct wd_service_match m;
	unsigned int n = 0;

	fill(*state, shop());
	assert_int_equal(wd_store_count(*state, WD_RESOURCE_SERVICE), 11);
	assert_int_equal(wd_store_count(*state, WD_RESOURCE_SLICE), 9);
	assert_true(wd_store_service_by_addr(*state, &dns, 53, WD_PROTO_UDP, &m));
	assert_string_equal(m.service->ns, "kube-system");
	assert_string_equal(m.service->name, "kube-dns");
	assert_string_equal(m.port->name, "dns");
	assert_int_equal(m.via, WD_VIA_CLUSTER_IP);
	wd_store_backends(*state, m.service, "dns", count, &n);
	assert_int_equal(n, 2);
	n = 0;
	wd_store_endpoints_by_addr(*state, &pod, 53, WD_PROTO_UDP, count, &n);
	assert_int_equal(n, 1);
	assert_true(wd_store_service_by_node_port(*state, 30080, WD_PROTO_TCP, &m));
	assert_string_equal(m.service->name, "frontend");
	/* the address is a Service's, the port is not */
	assert_true(wd_store_service_by_addr(*state, &dns, 80, WD_PROTO_TCP, &m));
	assert_null(m.port);
}

static void another_mode_replaces_what_was_there(void **state)
{
	static const char text[] = "IP Virtual Server version 1.2.1 (size=4096)\n"
				   "Prot LocalAddress:Port Scheduler Flags\n"
				   "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
				   "TCP  0A600001:01BB rr  \n"
				   "  -> AC11003E:192B      Masq    1      0          0\n";
	struct wd_addr api = ip("10.96.0.1"), dns = ip("10.96.0.10");
	struct wd_kubeproxy *k = NULL;
	struct wd_service_match m;
	unsigned int n = 0;

	fill(*state, shop());
	assert_int_equal(wd_kubeproxy_new(&k), 0);
	assert_int_equal(wd_kubeproxy_ipvs(k, text, sizeof(text) - 1), 0);
	fill(*state, k);
	assert_false(wd_store_service_by_addr(*state, &dns, 53, WD_PROTO_UDP, &m));
	assert_true(wd_store_service_by_addr(*state, &api, 443, WD_PROTO_TCP, &m));
	assert_string_equal(m.service->ns, "");
	wd_store_backends(*state, m.service, NULL, count, &n);
	assert_int_equal(n, 1);
}

static void the_api_server_is_found(void **state)
{
	static struct wd_apiservers l;
	const struct wd_api_server *v = NULL;
	char text[WD_ENDPOINT_STRLEN];

	fill(*state, shop());
	assert_true(wd_apiservers_service(&l, *state, "rules"));
	assert_int_equal(wd_apiservers_put(&l, *state), 0);
	assert_int_equal(wd_store_api_servers(*state, &v), 2);
	assert_string_equal(wd_endpoint_format(&v[0].ip, v[0].port, text), "10.96.0.1:443");
	assert_string_equal(wd_endpoint_format(&v[1].ip, v[1].port, text), "172.17.0.62:6443");
	assert_string_equal(v[1].source, "rules");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(services_are_found),
		TEST(another_mode_replaces_what_was_there),
		TEST(the_api_server_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
