/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/event.h"

static void test_hook_names(void **state)
{
	volatile int beyond = WD_HOOK_MAX;

	(void)state;
	for (int i = 0; i < WD_HOOK_MAX; i++)
		assert_non_null(wd_hook_name(i));
	assert_string_equal(wd_hook_name(WD_HOOK_FORWARD), "forward");
	assert_string_equal(wd_hook_name(WD_HOOK_UNKNOWN), "unknown");
	assert_string_equal(wd_hook_name(beyond), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hook_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
