/* SPDX-License-Identifier: Apache-2.0 */
#include "base/intern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct wd_intern *set_of(unsigned int max)
{
	struct wd_intern *in = NULL;

	assert_int_equal(wd_intern_new(max, &in), 0);
	assert_non_null(in);
	return in;
}

static void test_each_string_once(void **state)
{
	struct wd_intern *in = set_of(8);
	char text[] = "FORWARD";
	const char *a = wd_intern(in, text), *b;

	(void)state;
	assert_string_equal(a, "FORWARD");
	assert_ptr_not_equal(a, text);
	b = wd_intern(in, "FORWARD");
	assert_ptr_equal(a, b);
	/* the caller's own may change or go */
	memset(text, 'x', sizeof(text) - 1);
	assert_string_equal(a, "FORWARD");
	assert_ptr_equal(wd_intern(in, a), a);
	wd_intern_free(in);
}

static void test_beginnings_are_others(void **state)
{
	struct wd_intern *in = set_of(8);
	const char *a = wd_intern(in, "filter"), *b = wd_intern(in, "filte"),
		   *c = wd_intern(in, "filter2"), *d = wd_intern(in, "Filter");

	(void)state;
	assert_string_equal(a, "filter");
	assert_string_equal(b, "filte");
	assert_string_equal(c, "filter2");
	assert_string_equal(d, "Filter");
	wd_intern_free(in);
}

static void test_empty_is_none(void **state)
{
	struct wd_intern *in = set_of(1);

	(void)state;
	assert_null(wd_intern(in, ""));
	/* and takes no room */
	assert_non_null(wd_intern(in, "a"));
	assert_null(wd_intern(in, ""));
	wd_intern_free(in);
}

static void test_bounded(void **state)
{
	struct wd_intern *in = set_of(100);
	const char *kept[100];
	char name[16];

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		const char *s;

		snprintf(name, sizeof(name), "KUBE-%u", i);
		s = wd_intern(in, name);
		if (i < 100)
			kept[i] = s;
		else
			assert_null(s);
	}
	/* what was kept is found still, at its place */
	for (unsigned int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "KUBE-%u", i);
		assert_non_null(kept[i]);
		assert_string_equal(kept[i], name);
		assert_ptr_equal(wd_intern(in, name), kept[i]);
	}
	assert_null(wd_intern(in, "KUBE-100"));
	wd_intern_free(in);
}

static void test_no_room_at_all(void **state)
{
	struct wd_intern *in = set_of(0);

	(void)state;
	assert_null(wd_intern(in, "a"));
	assert_null(wd_intern(in, "a"));
	wd_intern_free(in);
	wd_intern_free(NULL);
}

static void test_any_bytes(void **state)
{
	struct wd_intern *in = set_of(300);
	char big[4096];

	(void)state;
	for (unsigned int c = 1; c <= UINT8_MAX; c++) {
		const char s[2] = {(char)c, '\0'};

		assert_string_equal(wd_intern(in, s), s);
	}
	memset(big, '\xff', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_string_equal(wd_intern(in, big), big);
	assert_ptr_equal(wd_intern(in, big), wd_intern(in, big));
	wd_intern_free(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_string_once),
		cmocka_unit_test(test_beginnings_are_others),
		cmocka_unit_test(test_empty_is_none),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_no_room_at_all),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
