/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/flow.h"

static void test_drop_count(void **state)
{
	struct wd_flow f = {0};

	(void)state;
	assert_int_equal(wd_flow_drop_count(&f), 0);
	f.drops[0].d.count = 3;
	f.drops[1].d.count = 4;
	f.drops[2].d.count = 1000; /* not in use */
	f.n_drops = 2;
	f.drops_beyond = 5;
	assert_int_equal(wd_flow_drop_count(&f), 12);
}

static void test_drop_count_stays_in_bounds(void **state)
{
	struct wd_flow f = {.n_drops = 1000};

	(void)state;
	for (int i = 0; i < WD_FLOW_DROPS_MAX; i++)
		f.drops[i].d.count = 1;
	assert_int_equal(wd_flow_drop_count(&f), WD_FLOW_DROPS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop_count),
		cmocka_unit_test(test_drop_count_stays_in_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
