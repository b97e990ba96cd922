/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/arena.h"

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

#define CUT "\xe2\x80\xa6"

static void test_texts(void **state)
{
	struct wd_arena a;
	const char *one, *two;

	(void)state;
	assert_int_equal(wd_arena_init(&a, 100), 0);
	one = wd_arena_printf(&a, "%d %s", 7, "x");
	two = wd_arena_printf(&a, "%s", "");
	assert_string_equal(one, "7 x");
	assert_string_equal(two, "");
	assert_int_equal(a.truncated, 0);
	wd_arena_reset(&a);
	assert_ptr_equal(wd_arena_printf(&a, "new"), one);
	wd_arena_release(&a);
	assert_null(a.mem);
}

static void test_append(void **state)
{
	struct wd_arena a;
	const char *s, *t;

	(void)state;
	assert_int_equal(wd_arena_init(&a, 100), 0);
	s = wd_arena_printf(&a, "a");
	t = wd_arena_append(&a, s, "%s", "bc");
	assert_ptr_equal(s, t);
	assert_string_equal(t, "abc");
	assert_int_equal(a.used, 4);
	t = wd_arena_append(&a, s, "%d", 1);
	assert_string_equal(t, "abc1");
	wd_arena_release(&a);
}

static void test_append_to_another(void **state)
{
	struct wd_arena a;
	const char *first, *second;

	(void)state;
	assert_int_equal(wd_arena_init(&a, 100), 0);
	first = wd_arena_printf(&a, "first");
	second = wd_arena_printf(&a, "second");
	assert_string_equal(wd_arena_append(&a, first, "+"), "first+");
	assert_string_equal(first, "first");
	assert_string_equal(second, "second");
	assert_string_equal(wd_arena_append(&a, "literal", "+"), "literal+");
	assert_int_equal(a.truncated, 0);
	wd_arena_release(&a);
}

static void test_full(void **state)
{
	struct wd_arena a;
	const char *s;

	(void)state;
	assert_int_equal(wd_arena_init(&a, 10), 0);
	s = wd_arena_printf(&a, "0123456789");
	assert_string_equal(s, "012345" CUT);
	assert_int_equal(a.truncated, 1);
	assert_string_equal(wd_arena_printf(&a, "x"), "");
	assert_string_equal(wd_arena_append(&a, s, "x"), "012345" CUT);
	assert_string_equal(wd_arena_append(&a, "other", "x"), "other");
	assert_int_equal(a.truncated, 4);
	wd_arena_reset(&a);
	assert_int_equal(a.truncated, 0);
	/* Exactly as long as there is room. */
	assert_string_equal(wd_arena_printf(&a, "012345678"), "012345678");
	assert_int_equal(a.truncated, 0);
	wd_arena_release(&a);
}

static void test_append_is_cut(void **state)
{
	struct wd_arena a;
	const char *s;

	(void)state;
	assert_int_equal(wd_arena_init(&a, 10), 0);
	s = wd_arena_printf(&a, "01234567");
	s = wd_arena_append(&a, s, "89");
	assert_string_equal(s, "012345" CUT);
	assert_int_equal(a.truncated, 1);
	wd_arena_release(&a);
}

/* Wherever the end falls: no half of a character, and always terminated. */
static void test_cut_keeps_utf8(void **state)
{
	static const char text[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa4z";
	static const char *const want[] = {
		NULL,
		"",
		"",
		"",
		CUT,
		"a" CUT,
		"a" CUT,
		"a\xc3\xa4" CUT,
		"a\xc3\xa4" CUT,
		"a\xc3\xa4" CUT,
		"a\xc3\xa4\xe2\x82\xac" CUT,
		"a\xc3\xa4\xe2\x82\xac" CUT,
		"a\xc3\xa4\xe2\x82\xac" CUT,
	};

	(void)state;
	for (size_t size = 1; size < sizeof(want) / sizeof(want[0]); size++) {
		struct wd_arena a;

		assert_int_equal(wd_arena_init(&a, size), 0);
		assert_string_equal(wd_arena_printf(&a, "%s", text), want[size]);
		assert_int_equal(a.truncated, 1);
		wd_arena_release(&a);
	}
}

static void test_size_zero(void **state)
{
	struct wd_arena a;

	(void)state;
	assert_int_equal(wd_arena_init(&a, 0), 0);
	assert_string_equal(wd_arena_printf(&a, "x"), "");
	assert_string_equal(wd_arena_append(&a, "y", "x"), "y");
	wd_arena_release(&a);
}

static void test_no_memory(void **state)
{
	struct wd_arena a;

	(void)state;
	assert_int_equal(wd_arena_init(&a, SIZE_MAX / 4), -ENOMEM);
	assert_null(a.mem);
	/* A mistake of the owner is no reason to crash. */
	assert_string_equal(wd_arena_printf(&a, "x"), "");
	wd_arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_append_to_another),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_append_is_cut),
		cmocka_unit_test(test_cut_keeps_utf8),
		cmocka_unit_test(test_size_zero),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
