/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/buf.h"

/* Lets malloc fail as it does outside the sanitizer. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void assert_content(const struct wd_buf *b, const char *s)
{
	assert_int_equal(b->err, 0);
	assert_int_equal(b->len, strlen(s));
	assert_memory_equal(b->data, s, b->len);
}

static void test_put(void **state)
{
	struct wd_buf b;

	(void)state;
	wd_buf_init(&b, 1000);
	wd_buf_put(&b, "", 0);
	assert_int_equal(b.len, 0);
	wd_buf_puts(&b, "ab");
	wd_buf_putc(&b, 'c');
	wd_buf_put_u64(&b, 0);
	wd_buf_putc(&b, ' ');
	wd_buf_put_u64(&b, UINT64_MAX);
	assert_content(&b, "abc0 18446744073709551615");
	wd_buf_release(&b);
	assert_null(b.data);
	wd_buf_puts(&b, "again");
	assert_content(&b, "again");
	wd_buf_release(&b);
}

static void test_grows_to_its_cap(void **state)
{
	struct wd_buf b;

	(void)state;
	wd_buf_init(&b, 1001);
	for (int i = 0; i < 1001; i++)
		wd_buf_putc(&b, (char)('a' + i % 26));
	assert_int_equal(b.err, 0);
	assert_int_equal(b.len, 1001);
	assert_true(b.alloc <= b.cap);
	for (int i = 0; i < 1001; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	wd_buf_putc(&b, 'x');
	assert_int_equal(b.err, -ENOBUFS);
	assert_int_equal(b.len, 1001);
	wd_buf_release(&b);
}

static void test_error_sticks(void **state)
{
	struct wd_buf b;

	(void)state;
	wd_buf_init(&b, 4);
	wd_buf_puts(&b, "abc");
	wd_buf_puts(&b, "de");
	assert_int_equal(b.err, -ENOBUFS);
	/* This one would fit: still, a hole in the middle helps nobody. */
	wd_buf_putc(&b, 'f');
	wd_buf_put_u64(&b, 1);
	wd_buf_printf(&b, "%d", 1);
	assert_null(wd_buf_reserve(&b, 1));
	assert_int_equal(b.len, 3);
	wd_buf_reset(&b);
	assert_int_equal(b.err, 0);
	wd_buf_puts(&b, "abcd");
	assert_content(&b, "abcd");
	wd_buf_release(&b);
}

static void test_reserve(void **state)
{
	struct wd_buf b;
	char *at;

	(void)state;
	wd_buf_init(&b, 100);
	wd_buf_puts(&b, "x");
	at = wd_buf_reserve(&b, 99);
	assert_ptr_equal(at, b.data + 1);
	assert_int_equal(b.len, 1);
	assert_null(wd_buf_reserve(&b, 100));
	assert_int_equal(b.err, -ENOBUFS);
	wd_buf_reset(&b);
	/* Sizes that would wrap around. */
	wd_buf_puts(&b, "x");
	assert_null(wd_buf_reserve(&b, SIZE_MAX));
	assert_int_equal(b.err, -ENOBUFS);
	wd_buf_release(&b);
}

static void test_cap_zero(void **state)
{
	struct wd_buf b;

	(void)state;
	wd_buf_init(&b, 0);
	wd_buf_putc(&b, 'x');
	assert_int_equal(b.err, -ENOBUFS);
	wd_buf_reset(&b);
	assert_non_null(wd_buf_reserve(&b, 0));
	assert_int_equal(b.err, 0);
	wd_buf_release(&b);
}

static void test_printf(void **state)
{
	struct wd_buf b;
	char want[601];

	(void)state;
	wd_buf_init(&b, 1000);
	wd_buf_printf(&b, "%s", "");
	assert_content(&b, "");
	wd_buf_printf(&b, "%d-%s", 12, "ab");
	assert_content(&b, "12-ab");
	wd_buf_reset(&b);
	memset(want, 'y', 600);
	want[600] = '\0';
	wd_buf_printf(&b, "%s", want);
	assert_content(&b, want);
	wd_buf_printf(&b, "%s", want);
	assert_int_equal(b.err, -ENOBUFS);
	assert_int_equal(b.len, 600);
	wd_buf_release(&b);
}

static void test_no_memory(void **state)
{
	struct wd_buf b;

	(void)state;
	wd_buf_init(&b, SIZE_MAX / 2);
	wd_buf_puts(&b, "kept");
	assert_null(wd_buf_reserve(&b, SIZE_MAX / 4));
	assert_int_equal(b.err, -ENOMEM);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "kept", 4);
	wd_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),          cmocka_unit_test(test_grows_to_its_cap),
		cmocka_unit_test(test_error_sticks), cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_cap_zero),     cmocka_unit_test(test_printf),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
