/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cnicache.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARGS                                                                       \
	"\"cniArgs\":[[\"IgnoreUnknown\",\"1\"],[\"K8S_POD_NAMESPACE\",\"shop\"]," \
	"[\"K8S_POD_NAME\",\"cart-0\"],[\"K8S_POD_UID\",\"x\"]],"
#define HEAD                                                                                \
	"{\"kind\":\"cniCacheV1\",\"containerId\":\"9c11\",\"config\":\"e30=\",\"ifName\":" \
	"\"eth0\","                                                                         \
	"\"networkName\":\"cbr0\","

/* The bridge plugin under containerd. */
static const char bridge[] = HEAD ARGS
	"\"result\":{\"cniVersion\":\"1.0.0\",\"dns\":{},\"interfaces\":["
	"{\"mac\":\"7a:88:c1:d3:ff:17\",\"name\":\"cni0\"},"
	"{\"mac\":\"8e:5d:8f:c1:60:76\",\"name\":\"veth2f6ed1d5\"},"
	"{\"mac\":\"02:a5:8f:1f:3a:2b\",\"name\":\"eth0\","
	"\"sandbox\":\"/var/run/netns/cni-5c8a0a4e-3e5c\"}],"
	"\"ips\":[{\"address\":\"10.244.0.5/24\",\"gateway\":\"10.244.0.1\",\"interface\":2},"
	"{\"address\":\"fd00:10:244::5/64\",\"version\":\"6\"}],"
	"\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}";

static int parse(const char *text, struct wd_cnicache *c)
{
	return wd_cnicache_parse(text, strlen(text), c);
}

static void check_addr(const struct wd_cnicache *c, unsigned int i, const char *want)
{
	char got[WD_ADDR_STRLEN];

	assert_true(i < c->n_addrs);
	assert_string_equal(wd_addr_format(&c->addrs[i], got), want);
}

static void reads_a_bridge_result(void **state)
{
	struct wd_cnicache c;

	(void)state;
	assert_int_equal(parse(bridge, &c), 0);
	assert_string_equal(c.pod.ns, "shop");
	assert_string_equal(c.pod.name, "cart-0");
	assert_string_equal(c.mount, "cni-5c8a0a4e-3e5c");
	assert_int_equal(c.n_addrs, 2);
	check_addr(&c, 0, "10.244.0.5");
	check_addr(&c, 1, "fd00:10:244::5");
}

static void reads_old_and_new_shapes(void **state)
{
	struct wd_cnicache c;

	(void)state;
	/* 0.2.0 result */
	assert_int_equal(parse(HEAD ARGS "\"result\":{\"ip4\":{\"ip\":\"10.244.0.6/24\"},"
	                                 "\"ip6\":{\"ip\":\"fd00::6/64\"}}}",
	                       &c),
	                 0);
	assert_int_equal(c.n_addrs, 2);
	check_addr(&c, 0, "10.244.0.6");
	assert_string_equal(c.mount, "");
	/* libcni 1.2 keeps the path itself. */
	assert_int_equal(parse(HEAD ARGS
	                       "\"netns\":\"/run/netns/cni-1\",\"result\":{\"interfaces\":"
	                       "[{\"sandbox\":\"/run/netns/cni-2\"}]}}",
	                       &c),
	                 0);
	assert_string_equal(c.mount, "cni-1");
	/* cri-dockerd: a pid is not believed, the address is. */
	assert_int_equal(parse(HEAD ARGS "\"result\":{\"interfaces\":[{\"sandbox\":"
	                                 "\"/proc/4711/ns/net\"}],"
	                                 "\"ips\":[{\"address\":\"10.0.0.9\"}]}}",
	                       &c),
	                 0);
	assert_string_equal(c.mount, "");
	check_addr(&c, 0, "10.0.0.9");
}

static void leaves_out_what_leads_elsewhere(void **state)
{
	static const char *const paths[] = {
		"/var/run/netns/",
		"/var/run/netns/../../etc/passwd",
		"/var/run/netns/a/b",
		"/etc/passwd",
		"var/run/netns/a",
		"",
		"/run/netnsx/a",
		"/var/run/netns//a",
		"/var/run/netns/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	struct wd_cnicache c;
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(text, sizeof(text),
		         HEAD ARGS "\"result\":{\"interfaces\":[{\"sandbox\":\"%s\"}],"
		                   "\"ips\":[{\"address\":\"10.0.0.9/8\"}]}}",
		         paths[i]);
		assert_int_equal(parse(text, &c), 0);
		assert_string_equal(c.mount, "");
	}
	/* Addresses that everybody has, or that are none. */
	assert_int_equal(parse(HEAD ARGS "\"result\":{\"ips\":[{\"address\":\"127.0.0.1/8\"},"
	                                 "{\"address\":\"::1/128\"},{\"address\":\"0.0.0.0/0\"},"
	                                 "{\"address\":\"x\"},{\"address\":7},7,null,"
	                                 "{\"address\":\"/24\"}]}}",
	                       &c),
	                 -ENOENT);
}

static void refuses_what_is_no_pods_result(void **state)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{"", -EINVAL},
		{"{", -EINVAL},
		{"[]", -EINVAL},
		{"null", -EINVAL},
		{"{}", -EINVAL},
		{"{\"kind\":7}", -EINVAL},
		{"{\"kind\":\"cniCacheV2\"}", -EINVAL},
		{"{\"kind\":\"cniCacheV1\"} x", -EINVAL},
		{"{\"kind\":\"cniCacheV1\"}", -ENOENT},
		{"{\"kind\":\"cniCacheV1\",\"cniArgs\":{}}", -ENOENT},
		{"{\"kind\":\"cniCacheV1\",\"cniArgs\":[[],7,[7,7],[\"K8S_POD_NAME\"]]}", -ENOENT},
		{HEAD ARGS "\"result\":7}", -ENOENT},
		{HEAD "\"cniArgs\":[[\"K8S_POD_NAMESPACE\",\"Shop\"],[\"K8S_POD_NAME\",\"a\"]],"
	              "\"result\":{\"ips\":[{\"address\":\"10.0.0.9\"}]}}",
	         -ENOENT},
		{HEAD "\"cniArgs\":[[\"K8S_POD_NAMESPACE\",\"shop\"],"
	              "[\"K8S_POD_NAME\",\"a\\u001b[2J\"]],"
	              "\"result\":{\"ips\":[{\"address\":\"10.0.0.9\"}]}}",
	         -ENOENT},
	};
	struct wd_cnicache c = {.n_addrs = 3};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text, &c), cases[i].err);
		assert_int_equal(c.n_addrs, 3);
	}
}

static void has_limits(void **state)
{
	size_t n = WD_CNICACHE_FILE_MAX;
	char *text = malloc(n + 1), many[2048] = HEAD ARGS "\"result\":{\"ips\":[";
	struct wd_cnicache c;

	(void)state;
	assert_non_null(text);
	memset(text, '[', n + 1);
	assert_int_equal(wd_cnicache_parse(text, n, &c), -EINVAL);
	memset(text, ' ', n + 1);
	memcpy(text, bridge, sizeof(bridge) - 1);
	assert_int_equal(wd_cnicache_parse(text, n, &c), 0);
	assert_int_equal(wd_cnicache_parse(text, n + 1, &c), -EINVAL);
	free(text);

	for (int i = 0; i < 40; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many),
		         "%s{\"address\":\"10.0.0.%d\"}", i ? "," : "", i + 1);
	strcat(many, "]}}");
	assert_int_equal(parse(many, &c), 0);
	assert_int_equal(c.n_addrs, WD_CNICACHE_ADDRS_MAX);
}

/* The runtime writes the file in place: any beginning of it may be seen. */
static void half_a_file_is_none(void **state)
{
	struct wd_cnicache c;

	(void)state;
	for (size_t n = 0; n < sizeof(bridge) - 1; n++) {
		char *copy = malloc(n + !n);

		assert_non_null(copy);
		memcpy(copy, bridge, n);
		assert_int_equal(wd_cnicache_parse(copy, n, &c), -EINVAL);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_bridge_result),
		cmocka_unit_test(reads_old_and_new_shapes),
		cmocka_unit_test(leaves_out_what_leads_elsewhere),
		cmocka_unit_test(refuses_what_is_no_pods_result),
		cmocka_unit_test(has_limits),
		cmocka_unit_test(half_a_file_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
