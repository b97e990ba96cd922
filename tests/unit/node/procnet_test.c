/* SPDX-License-Identifier: Apache-2.0 */
#include "node/procnet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char netstat[] =
	"TcpExt: SyncookiesSent ListenOverflows ListenDrops IPReversePathFilter\n"
	"TcpExt: 0 36 37 18446744073709551615\n"
	"IpExt: InNoRoutes ListenOverflows\n"
	"IpExt: 1 2\n";

static int counter(const char *text, const char *group, const char *name, uint64_t *ret)
{
	return wd_procnet_counter(text, strlen(text), group, name, ret);
}

static void reads_counters_by_name(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(counter(netstat, "TcpExt", "ListenOverflows", &v), 0);
	assert_int_equal(v, 36);
	assert_int_equal(counter(netstat, "TcpExt", "IPReversePathFilter", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(counter(netstat, "IpExt", "ListenOverflows", &v), 0);
	assert_int_equal(v, 2);
}

static void knows_when_there_is_no_counter(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_int_equal(counter(netstat, "TcpExt", "InNoRoutes", &v), -ENOENT);
	assert_int_equal(counter(netstat, "TcpExt", "TcpExt:", &v), -ENOENT);
	assert_int_equal(counter(netstat, "Tcp", "ListenOverflows", &v), -ENOENT);
	assert_int_equal(counter("", "TcpExt", "A", &v), -ENOENT);
	assert_int_equal(counter("TcpExt: A\n", "TcpExt", "A", &v), -ENOENT);
	assert_int_equal(counter("TcpExt: A\nTcpExt: 1", "TcpExt", "A", &v), -ENOENT);
	assert_int_equal(counter("TcpExt: A B\nTcpExt: 1\n", "TcpExt", "B", &v), -EINVAL);
	assert_int_equal(counter("TcpExt: A\nTcpExt: -1\n", "TcpExt", "A", &v), -EINVAL);
	assert_int_equal(counter("TcpExt: A\nTcpExt: 18446744073709551616\n", "TcpExt", "A", &v),
	                 -EINVAL);
	assert_int_equal(counter("TcpExt: A\nIpExt: 1\n", "TcpExt", "A", &v), -EINVAL);
	assert_int_equal(v, 7);
}

static void lists_ipv6_addresses(void **state)
{
	static const char text[] =
		"00000000000000000000000000000001 01 80 10 80       lo\n"
		"fd000000000000000000000000000002 04 40 00 82     eth0\n"
		"fd000000000000000000000000000003 04 40 00 c8     eth0\n" /* duplicate */
		"fd00000000000000000000000000000 04 40 00 82     eth0\n"
		"fd00000000000000000000000000000g 04 40 00 82     eth0\n"
		"fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n"
		"fd000000000000000000000000000004 04 40 00 82     eth0";
	static const char *const want[] = {"::1", "fd00::2", "fe80::fc:ff:fe00:1"};
	struct wd_span rest = wd_span(text, sizeof(text) - 1);
	char got[WD_ADDR_STRLEN];
	struct wd_addr a;
	size_t n = 0;

	(void)state;
	for (; wd_procnet_inet6_next(&rest, &a); n++)
		assert_string_equal(wd_addr_format(&a, got), want[n]);
	assert_int_equal(n, 3);
}

static const char arp[] =
	"IP address       HW type     Flags       HW address            Mask     Device\n"
	"192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        eth0\n"
	"10.244.0.9       0x1         0x0         00:00:00:00:00:00     *        cni0\n"
	"10.244.0.9       0x1         0x6         02:fc:00:00:00:06     *        cni1\n"
	"10.244.0.7       0x1         0xc         00:00:00:00:00:00     *        cni0\n"
	"10.244.0.8       0x300       0x2                               *        ipip0\n";

static enum wd_neigh neigh(const char *addr, const char *device, bool complete)
{
	struct wd_addr a;

	assert_int_equal(wd_addr_parse(addr, &a), 0);
	return wd_procnet_arp(arp, sizeof(arp) - 1, complete, &a, device);
}

static void knows_neighbours(void **state)
{
	struct wd_addr a;

	(void)state;
	assert_int_equal(neigh("192.0.2.1", "eth0", true), WD_NEIGH_RESOLVED);
	assert_int_equal(neigh("10.244.0.9", "cni0", true), WD_NEIGH_INCOMPLETE);
	assert_int_equal(neigh("10.244.0.9", "cni1", true), WD_NEIGH_RESOLVED);
	assert_int_equal(neigh("10.244.0.8", "ipip0", true), WD_NEIGH_RESOLVED);
	assert_int_equal(neigh("192.0.2.1", "eth1", true), WD_NEIGH_NONE);
	assert_int_equal(neigh("192.0.2.11", "eth0", false), WD_NEIGH_UNKNOWN);
	/* A proxy entry says what this node answers, not what it has learnt. */
	assert_int_equal(neigh("10.244.0.7", "cni0", true), WD_NEIGH_NONE);
	assert_int_equal(neigh("fd00::1", "eth0", true), WD_NEIGH_UNKNOWN);
	wd_addr_parse("192.0.2.1", &a);
	assert_int_equal(wd_procnet_arp("", 0, true, &a, "eth0"), WD_NEIGH_UNKNOWN);
	assert_int_equal(wd_procnet_arp(arp, sizeof(arp) - 2, true, &a, "x"), WD_NEIGH_UNKNOWN);
}

#define STAT_18 "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 "

static int ticks(const char *text, uint64_t *ret)
{
	return wd_procnet_start_ticks(text, strlen(text), ret);
}

static void reads_start_of_processes(void **state)
{
	uint64_t v = 0;

	(void)state;
	assert_int_equal(ticks("4711 (curl) " STAT_18 "4242 77 88\n", &v), 0);
	assert_int_equal(v, 4242);
	/* The name is the process's own choice. */
	assert_int_equal(ticks("4711 (x) " STAT_18 "1 1) " STAT_18 "5 0\n", &v), 0);
	assert_int_equal(v, 5);
	assert_int_equal(ticks("4711 (a b\nc) " STAT_18 "6 0\n", &v), 0);
	assert_int_equal(v, 6);
	assert_int_equal(ticks("4711 (curl) " STAT_18 "42", &v), -EINVAL);
	assert_int_equal(ticks("4711 (curl) S 1 2\n", &v), -EINVAL);
	assert_int_equal(ticks("4711 curl", &v), -EINVAL);
	assert_int_equal(ticks("4711 (curl)", &v), -EINVAL);
	assert_int_equal(ticks("", &v), -EINVAL);
	assert_int_equal(ticks("4711 (curl) " STAT_18 "-1 0\n", &v), -EINVAL);
}

static void reads_namespace_links(void **state)
{
	(void)state;
	assert_int_equal(wd_procnet_ns_inode("net:[4026531840]", 16), 4026531840u);
	assert_int_equal(wd_procnet_ns_inode("net:[4026531840", 15), 0);
	assert_int_equal(wd_procnet_ns_inode("net:[4294967296]", 16), 0);
	assert_int_equal(wd_procnet_ns_inode("net:[]", 6), 0);
	assert_int_equal(wd_procnet_ns_inode("[1]", 3), 0);
	assert_int_equal(wd_procnet_ns_inode("net:[", 5), 0);
	assert_int_equal(wd_procnet_ns_inode("", 0), 0);
}

static void never_reads_beyond_the_text(void **state)
{
	struct wd_addr a;
	uint64_t v;

	(void)state;
	wd_addr_parse("10.244.0.8", &a);
	for (size_t n = 0; n < sizeof(arp); n++) {
		char *copy = malloc(n + !n);
		struct wd_span rest;

		assert_non_null(copy);
		memcpy(copy, arp, n);
		wd_procnet_arp(copy, n, true, &a, "ipip0");
		memcpy(copy, netstat, n < sizeof(netstat) ? n : sizeof(netstat));
		wd_procnet_counter(copy, n, "TcpExt", "ListenDrops", &v);
		wd_procnet_start_ticks(copy, n, &v);
		wd_procnet_ns_inode(copy, n);
		rest = wd_span(copy, n);
		while (wd_procnet_inet6_next(&rest, &a))
			;
		wd_addr_parse("10.244.0.8", &a);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_counters_by_name),
		cmocka_unit_test(knows_when_there_is_no_counter),
		cmocka_unit_test(lists_ipv6_addresses),
		cmocka_unit_test(knows_neighbours),
		cmocka_unit_test(reads_start_of_processes),
		cmocka_unit_test(reads_namespace_links),
		cmocka_unit_test(never_reads_beyond_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
