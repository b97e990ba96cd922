/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"

static void assert_escaped(const char *in, size_t n, const char *want)
{
	struct wd_buf b;

	wd_buf_init(&b, 4096);
	wd_text_escape(&b, in, n);
	wd_buf_putc(&b, '\0');
	assert_int_equal(b.err, 0);
	assert_string_equal(b.data, want);
	wd_buf_release(&b);
}

#define ESCAPED(in, want) assert_escaped(in, sizeof(in) - 1, want)

static void test_plain(void **state)
{
	(void)state;
	ESCAPED("", "");
	ESCAPED("a", "a");
	ESCAPED("a name of more than sixteen bytes ~!\\\"",
	        "a name of more than sixteen bytes ~!\\\"");
	ESCAPED("gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80",
	        "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80");
}

static void test_controls(void **state)
{
	(void)state;
	ESCAPED("a\nb\rc\td", "a\\nb\\rc\\td");
	ESCAPED("\x1b[31mred", "\\x1b[31mred");
	ESCAPED("12345678\x7f", "12345678\\x7f");
	ESCAPED("1234567\x1f", "1234567\\x1f");
	ESCAPED("a\0b", "a\\x00b");
	ESCAPED("\xc2\x80\xc2\x9b\xc2\x9f", "\\u{80}\\u{9b}\\u{9f}");
	ESCAPED("\xc2\xa0", "\xc2\xa0");
}

static void test_hidden(void **state)
{
	(void)state;
	ESCAPED("\xe2\x80\xae", "\\u{202e}");
	ESCAPED("\xe2\x80\xaa\xe2\x81\xa6\xe2\x81\xa9", "\\u{202a}\\u{2066}\\u{2069}");
	ESCAPED("\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c", "\\u{200e}\\u{200f}\\u{61c}");
	ESCAPED("a\xe2\x80\x8b\xe2\x80\x8d\xe2\x81\xa0\xef\xbb\xbf",
	        "a\\u{200b}\\u{200d}\\u{2060}\\u{feff}");
	ESCAPED("\xe2\x80\xa8\xe2\x80\xa9", "\\u{2028}\\u{2029}");
	ESCAPED("\xf3\xa0\x80\x81\xf3\xa0\x81\xbf", "\\u{e0001}\\u{e007f}");
	ESCAPED("\xe2\x80\xa6", "\xe2\x80\xa6"); /* our own mark of a cut text */
}

static void test_not_utf8(void **state)
{
	(void)state;
	ESCAPED("\xc0\xaf", "\\xc0\\xaf"); /* overlong */
	ESCAPED("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
	ESCAPED("\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf");
	ESCAPED("\xc1\xbf", "\\xc1\\xbf");
	ESCAPED("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* surrogate */
	ESCAPED("\xed\xbf\xbf", "\\xed\\xbf\\xbf");
	ESCAPED("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* beyond U+10FFFF */
	ESCAPED("\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80");
	ESCAPED("\xe2\x82", "\\xe2\\x82"); /* ends within */
	ESCAPED("\xe2\x82"
	        "a",
	        "\\xe2\\x82"
	        "a");
	ESCAPED("\x80\xbf\xfe\xff", "\\x80\\xbf\\xfe\\xff");
	ESCAPED("\xe2\xe2\x82\xac", "\\xe2\xe2\x82\xac");
}

/* The end given counts, not what lies behind it. */
static void test_needs_no_terminator(void **state)
{
	(void)state;
	assert_escaped("abc\xe2\x82\xac", 4, "abc\\xe2");
	assert_escaped("abcdefgh\n", 8, "abcdefgh");
}

/* Every code point, against the definition in the header of text.h. */
static void test_every_code_point(void **state)
{
	struct wd_buf b;

	(void)state;
	wd_buf_init(&b, 64);
	for (unsigned int cp = 0; cp <= 0x10ffff; cp++) {
		char s[4];
		size_t n, len;
		unsigned int back = 0;

		if (cp < 0x80) {
			n = 1;
			s[0] = (char)cp;
		} else if (cp < 0x800) {
			n = 2;
			s[0] = (char)(0xc0 | cp >> 6);
		} else if (cp < 0x10000) {
			n = 3;
			s[0] = (char)(0xe0 | cp >> 12);
		} else {
			n = 4;
			s[0] = (char)(0xf0 | cp >> 18);
		}
		for (size_t i = 1; i < n; i++)
			s[i] = (char)(0x80 | (cp >> 6 * (n - 1 - i) & 0x3f));
		len = wd_text_utf8(s, n, &back);
		if (cp >= 0xd800 && cp <= 0xdfff) {
			assert_int_equal(len, 0);
			continue;
		}
		assert_int_equal(len, n);
		assert_int_equal(back, cp);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(wd_text_utf8(s, i, &back), 0);
		wd_buf_reset(&b);
		wd_text_escape(&b, s, n);
		if (wd_text_is_hidden(cp)) {
			assert_int_equal(b.data[0], '\\');
			assert_true(b.len >= 2 && b.len <= 9);
		} else {
			assert_int_equal(b.len, n);
			assert_memory_equal(b.data, s, n);
		}
	}
	wd_buf_release(&b);
}

/* Whatever comes in: what goes out is valid and has nothing hidden. */
static void test_random_bytes(void **state)
{
	struct wd_buf b;
	char in[40];

	(void)state;
	srandom(2);
	wd_buf_init(&b, 1024);
	for (int round = 0; round < 50000; round++) {
		size_t n = (size_t)random() % sizeof(in);

		for (size_t i = 0; i < n; i++)
			in[i] = (char)(random() % 3 ? random() : 0x80 | random());
		wd_buf_reset(&b);
		wd_text_escape(&b, in, n);
		assert_int_equal(b.err, 0);
		assert_true(b.len <= 4 * n);
		for (size_t i = 0; i < b.len;) {
			unsigned int cp;
			size_t len = wd_text_utf8(b.data + i, b.len - i, &cp);

			assert_true(len > 0);
			assert_false(wd_text_is_hidden(cp));
			i += len;
		}
	}
	wd_buf_release(&b);
}

static void test_escape_within_a_cap(void **state)
{
	struct wd_buf b;

	(void)state;
	wd_buf_init(&b, 5);
	wd_text_escape(&b, "ab\x1b\x1b", 4);
	assert_int_equal(b.err, -ENOBUFS);
	assert_int_equal(b.len, 2);
	wd_buf_release(&b);
}

#define WIDTH(s) wd_text_width(s, sizeof(s) - 1)

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(WIDTH(""), 0);
	assert_int_equal(WIDTH("payments/api-5f7b8c9d4"), 22);
	assert_int_equal(WIDTH("gr\xc3\xbc\xc3\x9f"), 4);
	assert_int_equal(WIDTH("\xe6\x97\xa5\xe6\x9c\xac"), 4); /* Han */
	assert_int_equal(WIDTH("\xf0\x9f\x98\x80"), 2);         /* emoji */
	assert_int_equal(WIDTH("e\xcc\x81"), 1);                /* combining acute */
	assert_int_equal(WIDTH("\xed\x95\x9c"), 2);             /* Hangul */
	assert_int_equal(WIDTH("\xef\xbc\xa1"), 2);             /* full-width A */
	assert_int_equal(WIDTH("\xe2\x80\xa6"), 1);
	assert_int_equal(WIDTH("\xff\xff"), 2); /* not text: one each */
	assert_int_equal(wd_text_columns(0x300), 0);
	assert_int_equal(wd_text_columns(0x10ffff), 1);
	assert_int_equal(wd_text_columns('a'), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_needs_no_terminator),
		cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_escape_within_a_cap),
		cmocka_unit_test(test_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
