/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "output/page.h"

#include "lines.h"

static struct wd_buf buf;

static void begin(struct wd_page *p, unsigned int width, bool colour)
{
	wd_buf_reset(&buf);
	wd_page_begin(p, &buf, &(struct wd_text_style){width, colour});
}

static void test_row_wraps_with_a_hanging_indent(void **state)
{
	struct wd_page p;

	(void)state;
	begin(&p, 60, false);
	wd_page_row(&p, "label");
	wd_page_put(&p, "one two three four five six seven eight nine ten eleven twelve");
	wd_page_break(&p);
	wd_page_end(&p);
	assert_buf(&buf, "          label     one two three four five six seven eight\n"
	                 "                      nine ten eleven twelve\n");
}

static void test_width_zero_never_wraps(void **state)
{
	struct wd_page p;

	(void)state;
	begin(&p, 0, false);
	wd_page_row(&p, "");
	for (int i = 0; i < 100; i++)
		wd_page_put(&p, "word ");
	wd_page_break(&p);
	assert_int_equal(buf.len, 20 + 500);
	assert_clean(&buf, 0);
}

static void test_least_width(void **state)
{
	struct wd_page p;

	(void)state;
	begin(&p, 1, false);
	assert_int_equal(p.width, WD_PAGE_WIDTH_MIN);
	assert_int_equal(p.body, 2);
}

/* 20 columns of indent and label leave 20 here: exactly full, then one too many. */
static void test_fits_exactly(void **state)
{
	struct wd_page p;

	(void)state;
	begin(&p, 60, false);
	wd_page_line(&p, 0, 4);
	wd_page_put(&p, "123456789012345678901234567890123456789012345678901234567 90");
	wd_page_break(&p);
	wd_page_line(&p, 0, 4);
	wd_page_put(&p, "123456789012345678901234567890123456789012345678901234567 901");
	wd_page_break(&p);
	assert_buf(&buf, "123456789012345678901234567890123456789012345678901234567 90\n"
	                 "123456789012345678901234567890123456789012345678901234567\n"
	                 "    901\n");
}

static void test_wide_characters_count_twice(void **state)
{
	struct wd_page p;

	(void)state;
	begin(&p, 40, false);
	wd_page_line(&p, 0, 0);
	for (int i = 0; i < 8; i++)
		wd_page_put(&p, "\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5 ");
	wd_page_break(&p);
	/* Seven columns each with the blank: five in a line of 40, not eight. */
	assert_int_equal((char *)memchr(buf.data, '\n', buf.len) - buf.data, 5 * 9 + 4);
	assert_clean(&buf, 40);
}

static void test_chunks_stay_together(void **state)
{
	struct wd_page p;

	(void)state;
	begin(&p, 40, false);
	wd_page_line(&p, 0, 2);
	wd_page_own(&p, "a first chunk of 31 columns" WD_PAGE_CHUNK
	                "and one of 17 cols" WD_PAGE_CHUNK "c");
	wd_page_break(&p);
	assert_buf(&buf, "a first chunk of 31 columns\n  and one of 17 cols c\n");
	/* One that fits nowhere is filled in by words, from where the line stands. */
	begin(&p, 40, false);
	wd_page_line(&p, 0, 2);
	wd_page_own(&p, "first" WD_PAGE_CHUNK
	                "a chunk that is by far too long for any line of only forty columns");
	wd_page_break(&p);
	assert_buf(&buf, "first a chunk that is by far too long\n"
	                 "  for any line of only forty columns\n");
}

static void test_pieces_are_glued(void **state)
{
	struct wd_page p;

	(void)state;
	begin(&p, 40, false);
	wd_page_line(&p, 0, 0);
	wd_page_put(&p, "some words to fill the line (");
	wd_page_put(&p, "glued");
	wd_page_own(&p, WD_PAGE_NBSP);
	wd_page_u64(&p, 12345);
	wd_page_own(&p, ")");
	wd_page_break(&p);
	assert_buf(&buf, "some words to fill the line\n(glued 12345)\n");
}

static void test_long_word_stands_alone(void **state)
{
	struct wd_page p;

	(void)state;
	begin(&p, 40, false);
	wd_page_line(&p, 0, 2);
	wd_page_put(&p, "a 0123456789012345678901234567890123456789012345 b");
	wd_page_break(&p);
	assert_buf(&buf, "a\n  0123456789012345678901234567890123456789012345\n  b\n");
}

static void test_blanks(void **state)
{
	struct wd_page p;

	(void)state;
	begin(&p, 40, false);
	wd_page_row(&p, "empty");
	wd_page_break(&p);
	wd_page_line(&p, 0, 0);
	wd_page_put(&p, "  a   b  ");
	wd_page_break(&p);
	wd_page_line(&p, 3, 0);
	wd_page_break(&p);
	assert_buf(&buf, "  empty\na b\n\n");
}

static void test_names(void **state)
{
	static const struct {
		const char *name, *shown;
	} cases[] = {
		{"curl", "curl"},
		{"kworker/0:1-ev", "kworker/0:1-ev"},
		{"", "\"\""},
		{"Web Content", "\"Web Content\""},
		{"a) -> 1.2.3.4", "\"a) -> 1.2.3.4\""},
		{"say \"hi\"", "\"say \\\"hi\\\"\""},
		{"back\\slash", "\"back\\\\slash\""},
		{"(sd-pam)", "\"(sd-pam)\""},
		{"\x1b[2J", "\"\\x1b[2J\""},
		{"\x01\x02", "\"\\x01\\x02\""},
		{"\xff", "\"\\xff\""},
		{"  ", "\"  \""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[100] = "";
		struct wd_page p;

		begin(&p, 40, false);
		wd_page_line(&p, 0, 0);
		wd_page_name(&p, cases[i].name);
		wd_page_break(&p);
		strcat(strcat(want, cases[i].shown), "\n");
		assert_buf(&buf, want);
	}
}

static void test_colour(void **state)
{
	struct wd_page p;

	(void)state;
	begin(&p, 40, true);
	wd_page_line(&p, 0, 0);
	wd_page_colour(&p, WD_PAGE_BOLD);
	wd_page_own(&p, "twenty one columns no");
	wd_page_colour(&p, WD_PAGE_PLAIN);
	wd_page_own(&p, " and eighteen more");
	wd_page_break(&p);
	/* 39 columns: the codes take none of them. */
	assert_buf(&buf, "\x1b[1mtwenty one columns no\x1b[0m and eighteen more\n");
	begin(&p, 40, false);
	wd_page_colour(&p, WD_PAGE_RED);
	assert_int_equal(buf.len, 0);
}

static void test_time_and_span(void **state)
{
	struct wd_page p;

	(void)state;
	setenv("TZ", "UTC0", 1);
	begin(&p, 40, false);
	wd_page_line(&p, 0, 0);
	wd_page_time(&p, 1795349071218000000ull);
	wd_page_span(&p, 3120);
	wd_page_break(&p);
	wd_page_line(&p, 0, 0);
	wd_page_time(&p, 0);
	wd_page_own(&p, "x");
	wd_page_break(&p);
	assert_buf(&buf, "12:04:31  3.1 s\n--:--:--  x\n");
}

static void test_all_or_nothing(void **state)
{
	(void)state;
	for (size_t cap = 0; cap < 400; cap++) {
		struct wd_buf small;
		struct wd_page p;

		wd_buf_init(&small, cap);
		if (cap >= 4)
			wd_buf_puts(&small, "old\n");
		wd_page_begin(&p, &small, &(struct wd_text_style){40, false});
		for (int i = 0; i < 3; i++) {
			wd_page_row(&p, "label");
			wd_page_put(&p, "a line that needs to be wrapped at forty columns");
			wd_page_break(&p);
		}
		wd_page_end(&p);
		if (small.err) {
			assert_int_equal(small.err, -ENOBUFS);
			assert_int_equal(small.len, cap >= 4 ? 4 : 0);
		} else {
			assert_clean(&small, 40);
		}
		wd_buf_release(&small);
	}
}

/* Random own and foreign pieces at random widths. */
static void test_random(void **state)
{
	static const char *const own[] = {WD_PAGE_CHUNK, WD_PAGE_NBSP, " ", "own", "(", ") "};

	(void)state;
	srandom(5);
	for (int round = 0; round < 20000; round++) {
		unsigned int width = 40 + (unsigned int)random() % 60;
		struct wd_page p;

		begin(&p, width, false);
		for (int line = 0; line < 2; line++) {
			wd_page_row(&p, "label");
			for (int i = 0; i < 20; i++) {
				char s[6] = {0};

				for (int j = 0; j < 3; j++)
					s[j] = (char)(random() % 2 ? random() : ' ');
				s[3] = ' ';
				wd_page_put(&p, s);
				if (random() % 2)
					wd_page_own(&p, " ");
				wd_page_own(&p, own[(size_t)random() % 6]);
			}
			wd_page_break(&p);
		}
		wd_page_end(&p);
		assert_clean(&buf, 0);
	}
}

static int release(void **state)
{
	(void)state;
	wd_buf_release(&buf);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_wraps_with_a_hanging_indent),
		cmocka_unit_test(test_width_zero_never_wraps),
		cmocka_unit_test(test_least_width),
		cmocka_unit_test(test_fits_exactly),
		cmocka_unit_test(test_wide_characters_count_twice),
		cmocka_unit_test(test_chunks_stay_together),
		cmocka_unit_test(test_pieces_are_glued),
		cmocka_unit_test(test_long_word_stands_alone),
		cmocka_unit_test(test_blanks),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_time_and_span),
		cmocka_unit_test(test_all_or_nothing),
		cmocka_unit_test(test_random),
	};

	wd_buf_init(&buf, 1 << 20);
	return cmocka_run_group_tests(tests, NULL, release);
}
