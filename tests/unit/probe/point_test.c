/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/kernel.h"
#include "probe/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void test_names_are_found_again(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		const char *name = wd_point_name((enum wd_point)i);

		assert_true(name[0] && !strchr(name, ' '));
		assert_int_equal(wd_point_by_name(name), i);
	}
	for (unsigned int i = 0; i < WD_WAY_MAX; i++)
		assert_int_equal(wd_way_by_name(wd_way_name((enum wd_way)i)), i);
}

static void test_unknown_names(void **state)
{
	static const char *const names[] = {"", "none", "KFREE_SKB", "kfree_skb ", "kfree"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(wd_point_by_name(names[i]), WD_POINT_MAX);
		assert_int_equal(wd_way_by_name(names[i]), WD_WAY_NONE);
	}
	assert_string_equal(wd_way_name(WD_WAY_NONE), "none");
	assert_string_equal(wd_way_name((enum wd_way)99), "none");
}

/* A missing probe is told together with what it costs. */
static void test_every_point_says_what_is_lost(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		const char *lost = wd_point_lost((enum wd_point)i);

		assert_true(strlen(lost) > 20);
		assert_null(strstr(lost, "  "));
		assert_int_not_equal(lost[strlen(lost) - 1], '.');
	}
}

/* Each is one of three kinds, and what is only less exact does not call itself unseen
 * failures. */
static void test_kinds(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		enum wd_point_kind kind = wd_point_kind((enum wd_point)i);
		const char *lost = wd_point_lost((enum wd_point)i);

		assert_in_range(kind, WD_KIND_BASE, WD_KIND_DEMAND);
		if (kind == WD_KIND_MORE)
			assert_null(strstr(lost, "attempts"));
	}
}

/* Reasons that every clean close and every copy of a packet has. */
static void test_ordinary_reasons_are_ignored(void **state)
{
	static const char *const ordinary[] = {"QUEUE_PURGE", "CONSUMED",  "SOCKET_CLOSE",
	                                       "OTHERHOST",   "TCP_RESET", "TCP_OLD_DATA"};
	static const char *const telling[] = {
		"NETFILTER_DROP",      "NO_SOCKET",     "NEIGH_FAILED",
		"TCP_LISTEN_OVERFLOW", "NOT_SPECIFIED", "PKT_TOO_BIG",
		"IP_RPFILTER",         "IP_INNOROUTES", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++)
		assert_true(wd_drop_reason_ignored(ordinary[i]));
	for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++)
		assert_false(wd_drop_reason_ignored(telling[i]));
}

static void test_reasons_beyond_the_table(void **state)
{
	static const struct wd_kernel none;

	(void)state;
	assert_null(wd_kernel_drop_reason(&none, 0));
	assert_null(wd_kernel_drop_reason(&none, WD_REASON_SLOTS));
	assert_null(wd_kernel_drop_reason(&none, WD_REASON_NONE));
	assert_null(wd_kernel_reset_reason(&none, -1));
	assert_null(wd_kernel_reset_reason(&none, 64));
}

/* Against the kernel that runs the tests, where it has BTF. */
static void test_this_kernel(void **state)
{
	struct wd_kernel k;
	bool named = false, prefixed = false;
	int r = wd_kernel_read(&k);

	(void)state;
	if (r < 0) {
		wd_kernel_release(&k);
		skip();
	}
	for (unsigned int i = 0; i < WD_REASON_SLOTS; i++) {
		const char *name = wd_kernel_drop_reason(&k, i);

		named |= name && strcmp(name, "NETFILTER_DROP") == 0;
		prefixed |= name && strstr(name, "DROP_REASON");
	}
	/* reasons came with 5.17 */
	assert_int_equal(named, k.kfree_has_reason);
	assert_false(prefixed);
	wd_kernel_release(&k);
	wd_kernel_release(&k);
	assert_null(wd_kernel_drop_reason(&k, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_found_again),
		cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_every_point_says_what_is_lost),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_ordinary_reasons_are_ignored),
		cmocka_unit_test(test_reasons_beyond_the_table),
		cmocka_unit_test(test_this_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
