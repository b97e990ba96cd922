/* SPDX-License-Identifier: Apache-2.0 */
#include "node/procroute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/procfib.h"

/* Captured on Linux 6.18 (little-endian), trailing blanks removed. */
static const char route4[] =
	"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
	"d0\t00000000\tFE01010A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
	"d0\t0001010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
	"d0\t0000060A\t0201010A\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
	"*\t0000070A\t00000000\t0201\t0\t0\t7\t0000FFFF\t0\t0\t0\n"
	"*\t0000080A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
	"d0\t00000E0A\t00000000\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
	"d0\t00000F0A\t00000000\t0001\t0\t0\t5\t0000FFFF\t0\t0\t0\n"
	"*\t00000F0A\t00000000\t0201\t0\t0\t4\t0000FFFF\t0\t0\t0\n";

#define ANY6  "00000000000000000000000000000000 00"
#define NO6   "00000000000000000000000000000000"
#define NULL6 ANY6 " " ANY6 " " NO6 " ffffffff 00000002 00000000 00200200       lo\n"

static const char route6[] = NULL6
	"fd000000000000000000000000000000 40 " ANY6 " " NO6 " 00000100 00000004 00000000 00000001"
	"       d0\n"
	"fd040000000000000000000000000000 40 " ANY6 " fd000000000000000000000000000002 00000400 "
	"00000003 00000000 00000003       d0\n"
	"fd040000000000000000000000000000 40 " ANY6 " fd000000000000000000000000000003 00000400 "
	"00000001 00000000 00000003       d0\n"
	"fd050000000000000000000000000000 40 " ANY6 " " NO6 " 00000005 00000001 00000000 00000001"
	"       d1\n"
	"fd050000000000000000000000000000 40 " ANY6 " fd000000000000000000000000000009 00000003 "
	"00000001 00000000 00000003       d0\n"
	"fd070000000000000000000000000000 40 fd000000000000000000000000000000 40 " NO6
	" 00000400 00000002 00000000 00000001       d9\n"
	"fd080000000000000000000000000000 40 " ANY6 " " NO6 " 00000400 00000001 00000000 00200200"
	"       lo\n"
	"fd000000000000000000000000000001 80 " ANY6 " " NO6 " 00000000 00000003 00000000 80200001"
	"       d0\n" NULL6;
static const char default6[] = ANY6
	" " ANY6 " fd0000000000000000000000000000fe 00000400 00000001 00000000 00000003"
	"       d0\n";
static const char unreachable6[] = ANY6 " " ANY6 " " NO6
					" 00000400 00000001 00000000 00200200       lo\n";

static struct wd_procroute lookup(const char *text, const char *dest)
{
	struct wd_procroute r;
	struct wd_addr a;

	assert_int_equal(wd_addr_parse(dest, &a), 0);
	memset(&r, 0xff, sizeof(r));
	if (wd_addr_is_v4(&a))
		wd_procroute_lookup4(text, strlen(text), true, &a, &r);
	else
		wd_procroute_lookup6(text, strlen(text), true, &a, &r);
	return r;
}

static void check(const char *text, const char *dest, enum wd_route_kind kind, const char *device,
                  const char *via)
{
	struct wd_procroute r = lookup(text, dest);
	char got[WD_ADDR_STRLEN];

	assert_int_equal(r.fact.kind, kind);
	assert_string_equal(r.fact.device, device);
	assert_int_equal(r.fact.has_via, via != NULL);
	if (via)
		assert_string_equal(wd_addr_format(&r.fact.via, got), via);
}

static void finds_ipv4_routes(void **state)
{
	(void)state;
	check(route4, "8.8.8.8", WD_ROUTE_UNICAST, "d0", "10.1.1.254");
	check(route4, "10.1.1.9", WD_ROUTE_UNICAST, "d0", NULL);
	check(route4, "10.6.1.1", WD_ROUTE_UNICAST, "d0", "10.1.1.2");
	check(route4, "10.7.1.1", WD_ROUTE_REJECT, "", NULL);
	/* The lower metric decides, not the order. */
	check(route4, "10.15.0.1", WD_ROUTE_REJECT, "", NULL);
	assert_true(lookup(route4, "10.8.0.1").no_device);
	/* via inet6: the file has no room for it. */
	check(route4, "10.14.0.1", WD_ROUTE_UNICAST, "d0", NULL);
	assert_true(lookup(route4, "10.14.0.1").via_unknown);
	assert_false(lookup(route4, "10.6.1.1").via_unknown);
}

static void finds_ipv6_routes(void **state)
{
	char both[sizeof(route6) + sizeof(default6)];

	(void)state;
	check(route6, "fd00::2", WD_ROUTE_UNICAST, "d0", NULL);
	check(route6, "fd04::2", WD_ROUTE_UNICAST, "d0", "fd00::2");
	check(route6, "fd05::2", WD_ROUTE_UNICAST, "d0", "fd00::9");
	check(route6, "fd08::2", WD_ROUTE_REJECT, "", NULL);
	check(route6, "fd00::1", WD_ROUTE_LOCAL, "d0", NULL);
	/* Holds for some sources only: not taken. */
	check(route6, "fd07::2", WD_ROUTE_NONE, "", NULL);
	strcpy(both, route6);
	strcat(both, default6);
	check(both, "fd07::2", WD_ROUTE_UNICAST, "d0", "fd00::fe");
}

static void null_entry_is_no_route(void **state)
{
	(void)state;
	check(NULL6, "fd99::1", WD_ROUTE_NONE, "", NULL);
	check("", "fd99::1", WD_ROUTE_NONE, "", NULL);
	/* But one that somebody made is one. */
	check(unreachable6, "fd99::1", WD_ROUTE_REJECT, "", NULL);
}

static void half_a_file_never_means_none(void **state)
{
	struct wd_procroute r;
	struct wd_addr a;

	(void)state;
	wd_addr_parse("11.1.1.1", &a);
	/* A heading without entries: really no route. */
	wd_procroute_lookup4(route4, strcspn(route4, "\n") + 1, true, &a, &r);
	assert_int_equal(r.fact.kind, WD_ROUTE_NONE);
	wd_procroute_lookup4(route4, strcspn(route4, "\n") + 1, false, &a, &r);
	assert_int_equal(r.fact.kind, WD_ROUTE_UNKNOWN);
	wd_procroute_lookup4("", 0, true, &a, &r);
	assert_int_equal(r.fact.kind, WD_ROUTE_UNKNOWN);
	/* A default route may be hidden by a better one behind the cut. */
	wd_procroute_lookup4(route4, sizeof(route4) - 1, false, &a, &r);
	assert_int_equal(r.fact.kind, WD_ROUTE_UNKNOWN);
}

static void passes_over_what_is_no_route(void **state)
{
	static const char *const bad[] = {
		"Iface\tx\nd0\t00000000\tFE01010A\t0003\t0\t0\t0\t00000000", /* cut */
		"Iface\tx\nd0\t00000000\tFE01010A\t0003\t0\t0\t99999999999\t00000000\t0\n",
		"Iface\tx\nd0\t00000000\tFE01010A\t0003\t0\t0\t0\t00FF00FF\t0\t0\n", /* mask */
		"Iface\tx\nd0\t000000000\tFE01010A\t0003\t0\t0\t0\t00000000\t0\n",
		"Iface\tx\n\x1b[2J\tzzzzzzzz\tFE01010A\t0003\t0\t0\t0\t00000000\t0\n",
		"Iface\tx\nd0\t00000000\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check(bad[i], "8.8.8.8", WD_ROUTE_UNKNOWN, "", NULL);
	/* A name that is too long is not taken over, the route is. */
	check("Iface\tx\nabcdefghijklmnopqrst\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\n",
	      "8.8.8.8", WD_ROUTE_UNICAST, "", NULL);
	/* Down. */
	check("Iface\tx\nd0\t00000000\t00000000\t0000\t0\t0\t0\t00000000\t0\n", "8.8.8.8",
	      WD_ROUTE_NONE, "", NULL);
}

static void never_reads_beyond_the_text(void **state)
{
	struct wd_procroute r;
	struct wd_addr a, b;

	(void)state;
	wd_addr_parse("10.6.1.1", &a);
	wd_addr_parse("fd04::1", &b);
	for (size_t n = 0; n < sizeof(route6); n++) {
		char *copy = malloc(n + !n);

		assert_non_null(copy);
		memcpy(copy, route6, n);
		wd_procroute_lookup6(copy, n, true, &b, &r);
		memcpy(copy, route4, n < sizeof(route4) ? n : sizeof(route4));
		wd_procroute_lookup4(copy, n, true, &a, &r);
		free(copy);
	}
}

static const char trie[] = "Id 100:\n"
			   "  |-- 10.77.0.0\n"
			   "     /16 link UNICAST\n"
			   "Main:\n"
			   "  +-- 10.0.0.0/12 3 1 4\n"
			   "     |-- 10.5.0.0\n"
			   "        /16 universe THROW\n"
			   "     +-- 10.8.0.0/15 2 0 2\n"
			   "        |-- 10.8.0.0\n"
			   "           /16 universe BLACKHOLE\n"
			   "           /24 universe UNICAST\n"
			   "        |-- 10.9.0.0\n"
			   "           /16 universe UNICAST tos=16\n"
			   "           /16 universe UNREACHABLE\n"
			   "           /16 link UNICAST\n"
			   "Local:\n"
			   "  |-- 10.1.1.1\n"
			   "     /32 host LOCAL\n"
			   "  |-- 127.0.0.0\n"
			   "     /8 host LOCAL\n";

static void trie_knows_the_type(void **state)
{
	size_t n = sizeof(trie) - 1;

	(void)state;
	assert_int_equal(wd_procfib_main_type(trie, n, 0x0a050001), WD_FIB_THROW);
	assert_int_equal(wd_procfib_main_type(trie, n, 0x0a080101), WD_FIB_BLACKHOLE);
	assert_int_equal(wd_procfib_main_type(trie, n, 0x0a080001), WD_FIB_UNICAST);
	assert_int_equal(wd_procfib_main_type(trie, n, 0x0a090001), WD_FIB_UNREACHABLE);
	assert_int_equal(wd_procfib_main_type(trie, n, 0x0a4d0001), WD_FIB_UNKNOWN);
	assert_int_equal(wd_procfib_main_type(trie, n, 0x0a010101), WD_FIB_UNKNOWN);
}

static void trie_lists_tables(void **state)
{
	static const enum wd_fib_table want[] = {
		WD_FIB_OTHER, WD_FIB_MAIN, WD_FIB_MAIN,  WD_FIB_MAIN,  WD_FIB_MAIN,
		WD_FIB_MAIN,  WD_FIB_MAIN, WD_FIB_LOCAL, WD_FIB_LOCAL,
	};
	struct wd_fib_entry e;
	struct wd_procfib it;
	size_t n = 0;

	(void)state;
	wd_procfib_init(&it, trie, sizeof(trie) - 1);
	for (; wd_procfib_next(&it, &e); n++) {
		assert_true(n < sizeof(want) / sizeof(want[0]));
		assert_int_equal(e.table, want[n]);
	}
	assert_int_equal(n, sizeof(want) / sizeof(want[0]));
	assert_int_equal(e.type, WD_FIB_LOCAL_ADDR);
	assert_int_equal(e.bits, 8);
}

static void trie_passes_over_nonsense(void **state)
{
	static const char text[] = "     /32 host LOCAL\n" /* no leaf, no table */
				   "Main:\n"
				   "  |-- 1.2.3\n     /32 host LOCAL\n"
				   "  |-- 1.2.3.256\n     /32 host LOCAL\n"
				   "  |-- 1.2.3.4.5\n     /32 host LOCAL\n"
				   "  |-- \n     /32 host LOCAL\n"
				   "  |-- 1.2.3.4\n     /33 host LOCAL\n     / host LOCAL\n"
				   "     /32\n     32 host LOCAL\n     /32 host LOC";
	struct wd_fib_entry e;
	struct wd_procfib it;

	(void)state;
	wd_procfib_init(&it, text, sizeof(text) - 1);
	assert_false(wd_procfib_next(&it, &e));
	for (size_t n = 0; n < sizeof(trie); n++) {
		char *copy = malloc(n + !n);

		assert_non_null(copy);
		memcpy(copy, trie, n);
		wd_procfib_main_type(copy, n, 0x0a080101);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_ipv4_routes),
		cmocka_unit_test(finds_ipv6_routes),
		cmocka_unit_test(null_entry_is_no_route),
		cmocka_unit_test(half_a_file_never_means_none),
		cmocka_unit_test(passes_over_what_is_no_route),
		cmocka_unit_test(never_reads_beyond_the_text),
		cmocka_unit_test(trie_knows_the_type),
		cmocka_unit_test(trie_lists_tables),
		cmocka_unit_test(trie_passes_over_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
