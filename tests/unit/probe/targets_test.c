/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/targets.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct wd_targets targets;

static void targets_of(const char *const *texts)
{
	memset(&targets, 0, sizeof(targets));
	for (; *texts; texts++)
		assert_int_equal(wd_targets_add(&targets, *texts), 0);
}

#define given(...) targets_of((const char *const[]){__VA_ARGS__, NULL})

static struct wd_abi_net ports_of(const char *prefix)
{
	struct wd_prefix p;
	struct wd_abi_net net;

	memset(&net, 0xff, sizeof(net));
	assert_int_equal(wd_prefix_parse(prefix, &p), 0);
	assert_int_equal(wd_targets_ports(&targets, &p, &net), 0);
	return net;
}

static bool has(const struct wd_abi_net *net, uint16_t port)
{
	for (unsigned int i = 0; i < net->n; i++)
		if (net->port[i] == port)
			return true;
	return false;
}

static void test_own_port(void **state)
{
	struct wd_abi_net net;

	(void)state;
	given("10.96.0.0/16:443");
	net = ports_of("10.96.0.0/16");
	assert_int_equal(net.any, 0);
	assert_int_equal(net.n, 1);
	assert_int_equal(net.port[0], 443);
}

static void test_any_port(void **state)
{
	struct wd_abi_net net;

	(void)state;
	given("10.96.0.0/16");
	net = ports_of("10.96.0.0/16");
	assert_int_equal(net.any, 1);
	assert_int_equal(net.n, 0);
}

/* The kernel asks the longest prefix only: it has to know what the shorter ones say. */
static void test_covering_prefixes_are_folded_in(void **state)
{
	struct wd_abi_net net;

	(void)state;
	given("10.0.0.0/8:80", "10.96.0.0/16:443", "10.96.1.0/24:53", "192.0.2.0/24:22");
	net = ports_of("10.96.1.0/24");
	assert_int_equal(net.n, 3);
	assert_true(has(&net, 80) && has(&net, 443) && has(&net, 53));
	net = ports_of("10.96.0.0/16");
	assert_int_equal(net.n, 2);
	assert_false(has(&net, 53));
	net = ports_of("10.0.0.0/8");
	assert_int_equal(net.n, 1);
	assert_false(has(&net, 443));
}

static void test_any_port_is_inherited(void **state)
{
	(void)state;
	given("10.0.0.0/8", "10.96.0.0/16:443");
	assert_int_equal(ports_of("10.96.0.0/16").any, 1);
	/* but not upwards */
	given("10.0.0.0/8:80", "10.96.0.0/16");
	assert_int_equal(ports_of("10.0.0.0/8").any, 0);
}

static void test_ipv6_default_covers_ipv4(void **state)
{
	(void)state;
	given("[::/0]:80", "10.0.0.0/8:443");
	assert_int_equal(ports_of("10.0.0.0/8").n, 2);
	given("0.0.0.0/0:80", "[fd00::/64]:443");
	assert_int_equal(ports_of("fd00::/64").n, 1);
}

static void test_same_port_counts_once(void **state)
{
	struct wd_abi_net net;

	(void)state;
	given("10.0.0.0/8:443", "10.96.0.0/16:443", "10.96.0.0/16:443");
	net = ports_of("10.96.0.0/16");
	assert_int_equal(net.n, 1);
}

static void many_ports(unsigned int n)
{
	char text[64];

	memset(&targets, 0, sizeof(targets));
	for (unsigned int i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "10.96.0.0/16:%u", 1000 + i);
		assert_int_equal(wd_targets_add(&targets, text), 0);
	}
}

static void test_as_many_ports_as_there_is_room_for(void **state)
{
	struct wd_abi_net net;

	(void)state;
	many_ports(WD_NET_PORTS);
	net = ports_of("10.96.0.0/16");
	assert_int_equal(net.n, WD_NET_PORTS);
	assert_true(has(&net, 1000) && has(&net, 1000 + WD_NET_PORTS - 1));
}

/* Too many: said, not cut; the caller's memory stays as it was. */
static void test_too_many_ports(void **state)
{
	struct wd_abi_net net, before;
	struct wd_prefix p;

	(void)state;
	many_ports(WD_NET_PORTS + 1);
	assert_int_equal(wd_prefix_parse("10.96.0.0/16", &p), 0);
	memset(&net, 0x5a, sizeof(net));
	before = net;
	assert_int_equal(wd_targets_ports(&targets, &p, &net), -ENOSPC);
	assert_memory_equal(&net, &before, sizeof(net));
}

/* ... unless every port is meant anyway. */
static void test_too_many_ports_and_any(void **state)
{
	(void)state;
	many_ports(WD_NET_PORTS + 4);
	assert_int_equal(wd_targets_add(&targets, "10.0.0.0/8"), 0);
	assert_int_equal(ports_of("10.96.0.0/16").any, 1);
}

/* One address has a table of its own and does not widen a prefix. */
static void test_host_is_not_folded_into_its_prefix(void **state)
{
	struct wd_abi_net net;

	(void)state;
	given("10.96.0.0/16:443", "10.96.0.1:22", "10.96.0.2");
	net = ports_of("10.96.0.0/16");
	assert_int_equal(net.any, 0);
	assert_int_equal(net.n, 1);
}

static void test_nothing_to_install(void **state)
{
	uint32_t match = 99;

	(void)state;
	memset(&targets, 0, sizeof(targets));
	assert_int_equal(wd_targets_install(&targets, -1, -1, &match), 0);
	assert_int_equal(match, 0);
	targets.all = true;
	assert_int_equal(wd_targets_install(&targets, -1, -1, &match), 0);
	assert_int_equal(match, WD_MATCH_ALL);
}

static void test_install_reports_the_map(void **state)
{
	uint32_t match = 99;

	(void)state;
	given("10.96.0.1:443");
	assert_true(wd_targets_install(&targets, -1, -1, &match) < 0);
	assert_int_equal(match, 99);
	given("10.96.0.0/16");
	assert_true(wd_targets_install(&targets, -1, -1, &match) < 0);
	many_ports(WD_NET_PORTS + 1);
	assert_int_equal(wd_targets_install(&targets, -1, -1, &match), -ENOSPC);
	assert_int_equal(match, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_port),
		cmocka_unit_test(test_any_port),
		cmocka_unit_test(test_covering_prefixes_are_folded_in),
		cmocka_unit_test(test_any_port_is_inherited),
		cmocka_unit_test(test_ipv6_default_covers_ipv4),
		cmocka_unit_test(test_same_port_counts_once),
		cmocka_unit_test(test_as_many_ports_as_there_is_room_for),
		cmocka_unit_test(test_too_many_ports),
		cmocka_unit_test(test_too_many_ports_and_any),
		cmocka_unit_test(test_host_is_not_folded_into_its_prefix),
		cmocka_unit_test(test_nothing_to_install),
		cmocka_unit_test(test_install_reports_the_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
