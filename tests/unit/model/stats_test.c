/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "model/stats.h"

/* Each counter alone: those that speak of loss count as lost, the others do not. */
static void test_lost(void **state)
{
	struct wd_stats s;

	(void)state;
#define X(field, meaning)                                                     \
	s = (struct wd_stats){.field = 7};                                    \
	if (strstr(meaning, "lost") || strstr(meaning, "forgotten") ||        \
	    strstr(meaning, "refused") || strstr(meaning, "skipped") ||       \
	    strstr(meaning, "could not") || strstr(meaning, "not tracked") || \
	    strstr(meaning, "not seen"))                                      \
		assert_int_equal(wd_stats_lost(&s), 7);                       \
	else                                                                  \
		assert_int_equal(wd_stats_lost(&s), 0);
	WD_STATS(X)
#undef X
}

static void test_sum(void **state)
{
	struct wd_stats s = {
		.drop_hits = 1000, .drop_lost_ring = 1, .conn_lost_ring = 2, .flows_evicted = 4};

	(void)state;
	assert_int_equal(wd_stats_lost(&s), 7);
}

/* Records that were kept back lest they flood the ring are lost like any other. */
static void test_limited_is_a_loss(void **state)
{
	struct wd_stats s = {.limited = 256, .conn_delivered = 1000, .snap_lost = 1};

	(void)state;
	assert_int_equal(wd_stats_lost(&s), 257);
	s.conn_lost_ring = 2;
	assert_int_equal(wd_stats_lost(&s), 259);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_limited_is_a_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
