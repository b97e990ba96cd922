/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "model/cause.h"

/* Ids are a contract: lower case, digits and dashes, no two alike. */
static void assert_id(const char *id)
{
	assert_non_null(id);
	assert_true(id[0] != '\0');
	assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(id));
}

static void test_causes(void **state)
{
	(void)state;
	for (int i = 0; i < WD_CAUSE_MAX; i++) {
		assert_id(wd_cause_id(i));
		assert_true(wd_cause_headline(i)[0] != '\0');
		for (int j = 0; j < i; j++) {
			assert_string_not_equal(wd_cause_id(i), wd_cause_id(j));
			assert_string_not_equal(wd_cause_headline(i), wd_cause_headline(j));
		}
	}
	assert_string_equal(wd_cause_id(WD_CAUSE_FILTER_DENIED), "filter-denied");
	assert_string_equal(wd_cause_headline(WD_CAUSE_FILTER_DENIED), "FILTER DENIED");
}

static void test_outcomes(void **state)
{
	(void)state;
	for (int i = 0; i < WD_OUTCOME_MAX; i++) {
		assert_id(wd_outcome_id(i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(wd_outcome_id(i), wd_outcome_id(j));
	}
	assert_string_equal(wd_outcome_id(WD_OUTCOME_UNANSWERED), "unanswered");
}

static void test_confidence(void **state)
{
	(void)state;
	assert_string_equal(wd_confidence_id(WD_CONFIDENCE_POSSIBLE), "possible");
	assert_string_equal(wd_confidence_id(WD_CONFIDENCE_LIKELY), "likely");
	assert_string_equal(wd_confidence_id(WD_CONFIDENCE_CERTAIN), "certain");
}

static int out_of_range(int i)
{
	volatile int v = i;

	return v;
}

static void test_out_of_range_claims_least(void **state)
{
	(void)state;
	assert_string_equal(wd_cause_id(out_of_range(WD_CAUSE_MAX)), "unknown");
	assert_string_equal(wd_cause_id(out_of_range(-1)), "unknown");
	assert_string_equal(wd_cause_headline(out_of_range(-1)), "CAUSE UNKNOWN");
	assert_string_equal(wd_outcome_id(out_of_range(WD_OUTCOME_MAX)), "none");
	assert_string_equal(wd_confidence_id(out_of_range(WD_CONFIDENCE_MAX)), "possible");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_causes),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_confidence),
		cmocka_unit_test(test_out_of_range_claims_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
