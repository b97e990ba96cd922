/* SPDX-License-Identifier: Apache-2.0 */
/* The store is a stand-in: what is asked of it, and what it is told, is what matters here. */
#include "node/apiserver.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tests/unit/node/tree.h"

static struct wd_object service;
static struct wd_endpoint endpoint;
static struct wd_slice_port slice_port;
static struct wd_api_server told[WD_STORE_API_MAX];
static unsigned int n_told;

const struct wd_object *wd_store_get(const struct wd_store *s, enum wd_resource kind,
                                     const char *ns, const char *name)
{
	(void)s;
	assert_int_equal(kind, WD_RESOURCE_SERVICE);
	assert_string_equal(ns, "default");
	assert_string_equal(name, "kubernetes");
	return service.service.n_ports ? &service : NULL;
}

void wd_store_backends(const struct wd_store *s, const struct wd_service *svc,
                       const char *port_name,
                       bool (*each)(const struct wd_endpoint_match *m, void *ctx), void *ctx)
{
	struct wd_endpoint_match m = {.endpoint = &endpoint, .port = &slice_port};

	(void)s;
	assert_ptr_equal(svc, &service.service);
	assert_null(port_name);
	assert_true(each(&m, ctx));
}

int wd_store_set_api_servers(struct wd_store *s, const struct wd_api_server *v, unsigned int n)
{
	(void)s;
	memcpy(told, v, n * sizeof(*v));
	n_told = n;
	return 0;
}

static char *show(const struct wd_apiservers *l)
{
	static char text[4096];
	char ip[WD_ENDPOINT_STRLEN];

	text[0] = '\0';
	for (unsigned int i = 0; i < l->n; i++) {
		const struct wd_apiserver *a = &l->v[i];

		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s|%s|%u|%s\n", a->name,
		         a->has_ip ? wd_endpoint_format(&a->ip, 0, ip) : "", a->port, a->source);
	}
	return text;
}

static void reads_urls(void **state)
{
	static const struct {
		const char *url, *host;
		uint16_t port;
	} cases[] = {
		{"https://aks-1.hcp.westeurope.azmk8s.io:443", "aks-1.hcp.westeurope.azmk8s.io",
	         443},
		{"https://10.0.0.1", "10.0.0.1", 443},
		{"http://10.0.0.1", "10.0.0.1", 80},
		{"https://[fd00::1]:6443/x?y", "fd00::1", 6443},
		{"https://[fd00::1]/", "fd00::1", 443},
		{"https://API.Example:6443#x", "api.example", 6443},
		{"https://user@api:6443", "api", 6443},
		{"api:6443", "api", 6443},
		{"", NULL, 0},
		{"https://", NULL, 0},
		{"https://:443", NULL, 0},
		{"https://api:0", NULL, 0},
		{"https://api:65536", NULL, 0},
		{"https://api:", NULL, 0},
		{"https://a_b", NULL, 0},
		{"https://a\x1b[2J", NULL, 0},
		{"https://[fd00::1", NULL, 0},
		{"https://[fd00::1]443", NULL, 0},
		{"https://[api]x", NULL, 0},
		{"https://fd00::1", NULL, 0},
	};
	char host[WD_APISERVER_NAME_LEN];
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = wd_apiserver_url(cases[i].url, strlen(cases[i].url), host, &port);

		if (r != (cases[i].host ? 0 : -EINVAL))
			fail_msg("%s: %d", cases[i].url, r);
		if (r)
			continue;
		assert_string_equal(host, cases[i].host);
		assert_int_equal(port, cases[i].port);
	}
}

static void reads_kubeconfigs(void **state)
{
	static const char text[] =
		"apiVersion: v1\n"
		"clusters:\n"
		"- cluster:\n"
		"    certificate-authority: /etc/kubernetes/certs/ca.crt\n"
		"    server: https://aks-1.hcp.westeurope.azmk8s.io:443\n"
		"    tls-server-name: nobody.example\n"
		"  name: localcluster\n"
		"    # server: https://comment.example\n"
		"    server: \"https://quoted.example:6443\" # why\n"
		"  - {cluster: {server: 'https://flow.example', insecure: true}}\n"
		"{\"clusters\":[{\"cluster\":{\"server\":\"https://[fd00::1]:6443\"}}]}\r\n"
		"    server:\n"
		"    server: https://bad_name\n"
		"    server: https://last.example";
	struct wd_apiservers l = {0};

	(void)state;
	assert_int_equal(wd_apiservers_kubeconfig(&l, text, sizeof(text) - 1, "f"), 5);
	assert_string_equal(show(&l), "aks-1.hcp.westeurope.azmk8s.io||443|f\n"
	                              "quoted.example||6443|f\n"
	                              "flow.example||443|f\n"
	                              "|fd00::1|6443|f\n"
	                              "last.example||443|f\n");
	for (size_t n = 0; n < sizeof(text); n++) {
		char *copy = malloc(n + !n);

		assert_non_null(copy);
		memcpy(copy, text, n);
		wd_apiservers_kubeconfig(&l, copy, n, "f");
		wd_apiservers_hosts(&l, copy, n);
		free(copy);
	}
}

static void keeps_each_once(void **state)
{
	struct wd_apiservers l = {0};
	char name[32];

	(void)state;
	assert_true(wd_apiservers_add(&l, "API.example", 443, "a"));
	assert_true(wd_apiservers_add(&l, "api.example", 443, "b"));
	assert_true(wd_apiservers_add(&l, "10.0.0.1", 443, "a"));
	assert_true(wd_apiservers_add(&l, "10.0.0.1", 443, "b"));
	assert_false(wd_apiservers_add(&l, "", 443, "b"));
	assert_string_equal(show(&l), "api.example||443|a\n|10.0.0.1|443|a\n");
	for (unsigned int i = 0; l.n < WD_STORE_API_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_true(wd_apiservers_add(&l, name, 443, "a"));
	}
	assert_false(l.cut);
	assert_false(wd_apiservers_add(&l, "more", 443, "a"));
	assert_true(l.cut);
}

static void reads_what_the_node_has(void **state)
{
	struct wd_apiservers l = {0};
	struct tree t;

	(void)state;
	tree_make(&t);
	tree_write(&t, "var/lib/kubelet/kubeconfig", "    server: https://api.example:443\n");
	tree_write(&t, "etc/kubernetes/kubelet.conf", "server: https://10.0.0.9:6443\n");
	tree_write(&t, "etc/hosts",
	           "127.0.0.1 localhost\n"
	           "10.1.1.1 other API.example api # api.example\n"
	           "fd00::7\tapi.example\n"
	           "# 10.1.1.2 api.example\n"
	           "10.1.1 api.example\n");
	setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	wd_apiservers_read(&l, t.root);
	assert_string_equal(show(&l), "|10.96.0.1|443|KUBERNETES_SERVICE_HOST\n"
	                              "api.example||443|/var/lib/kubelet/kubeconfig\n"
	                              "|10.0.0.9|6443|/etc/kubernetes/kubelet.conf\n"
	                              "api.example|10.1.1.1|443|/etc/hosts\n"
	                              "api.example|fd00::7|443|/etc/hosts\n");
	assert_int_equal(wd_apiservers_put(&l, NULL), 0);
	assert_int_equal(n_told, 4);
	assert_string_equal(told[2].name, "api.example");
	assert_int_equal(told[2].port, 443);

	setenv("KUBERNETES_SERVICE_PORT", "x", 1);
	memset(&l, 0, sizeof(l));
	wd_apiservers_read(&l, "/nonexistent");
	assert_int_equal(l.n, 0);
	unsetenv("KUBERNETES_SERVICE_HOST");
	unsetenv("KUBERNETES_SERVICE_PORT");
	tree_remove(&t);
}

static void reads_the_service(void **state)
{
	static struct wd_addr ip;
	static struct wd_service_port port = {.name = "https", .port = 443, .proto = 6};
	struct wd_apiservers l = {0};

	(void)state;
	assert_false(wd_apiservers_service(&l, NULL, "rules"));
	wd_addr_parse("10.96.0.1", &ip);
	wd_addr_parse("40.64.79.12", &endpoint.ip);
	slice_port.port = 6443;
	service.kind = WD_RESOURCE_SERVICE;
	service.service.cluster_ips = &ip;
	service.service.n_cluster_ips = 1;
	service.service.ports = &port;
	service.service.n_ports = 1;
	assert_true(wd_apiservers_service(&l, NULL, "rules"));
	assert_string_equal(show(&l), "|10.96.0.1|443|rules\n|40.64.79.12|6443|rules\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_urls),        cmocka_unit_test(reads_kubeconfigs),
		cmocka_unit_test(keeps_each_once),   cmocka_unit_test(reads_what_the_node_has),
		cmocka_unit_test(reads_the_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
