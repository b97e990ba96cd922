/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static void test_utc_cases(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{999999, "1970-01-01T00:00:00.000Z"},
		{951782399999000000ull, "2000-02-28T23:59:59.999Z"},
		{951782400000000000ull, "2000-02-29T00:00:00.000Z"},
		{1795349071218000000ull, "2026-11-22T12:04:31.218Z"},
		{4107542400000000000ull, "2100-03-01T00:00:00.000Z"}, /* no leap year */
		{UINT64_MAX, "2554-07-21T23:34:33.709Z"},
	};
	char text[WD_TIME_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(wd_clock_format_utc(cases[i].ns, text), cases[i].text);
}

static void test_utc_like_gmtime(void **state)
{
	char ours[WD_TIME_STRLEN], theirs[64];

	(void)state;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		time_t t = (time_t)((uint64_t)random() * 8 % 18446744073ull);
		struct tm tm;

		gmtime_r(&t, &tm);
		strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%S.007Z", &tm);
		wd_clock_format_utc((uint64_t)t * WD_NSEC_PER_SEC + 7 * WD_NSEC_PER_MSEC, ours);
		assert_string_equal(ours, theirs);
	}
}

static void test_local(void **state)
{
	char text[9];

	(void)state;
	setenv("TZ", "XYZ-2", 1); /* POSIX: two hours east */
	tzset();
	assert_string_equal(wd_clock_format_local(1795349071218000000ull, text), "14:04:31");
	setenv("TZ", "UTC0", 1);
	tzset();
	assert_string_equal(wd_clock_format_local(1795349071218000000ull, text), "12:04:31");
}

static void test_span(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{0, "0 ms"},
		{999, "999 ms"},
		{1000, "1.0 s"},
		{3120, "3.1 s"},
		{9999, "9.9 s"},
		{10000, "10 s"},
		{127999, "127 s"},
		{599999, "599 s"},
		{600000, "10 min 0 s"},
		{725000, "12 min 5 s"},
		{7199999, "119 min 59 s"},
		{7200000, "2 h 0 min"},
		{12000000, "3 h 20 min"},
		{172800000, "2 d 0 h"},
		{UINT64_MAX, "213503982334 d 14 h"},
	};
	char text[WD_SPAN_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(wd_clock_format_span(cases[i].ms, text), cases[i].text);
}

static void test_offset(void **state)
{
	uint64_t before = wd_clock_monotonic_ns(), after;
	uint64_t wall = before + (uint64_t)wd_clock_wall_offset_ns();
	time_t now = time(NULL);

	(void)state;
	after = wd_clock_monotonic_ns();
	assert_true(after >= before);
	assert_true(wall / WD_NSEC_PER_SEC >= (uint64_t)now - 5);
	assert_true(wall / WD_NSEC_PER_SEC <= (uint64_t)now + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utc_cases), cmocka_unit_test(test_utc_like_gmtime),
		cmocka_unit_test(test_local),     cmocka_unit_test(test_span),
		cmocka_unit_test(test_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
