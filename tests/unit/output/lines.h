/* SPDX-License-Identifier: Apache-2.0 */
/* What must be true of every text for a terminal; include after cmocka.h. */
#ifndef WD_TESTS_OUTPUT_LINES_H
#define WD_TESTS_OUTPUT_LINES_H

#include "base/buf.h"
#include "base/text.h"

static inline void assert_buf(const struct wd_buf *b, const char *want)
{
	assert_int_equal(b->err, 0);
	if (b->len != strlen(want) || memcmp(b->data, want, b->len) != 0)
		fail_msg("got:\n%.*swanted:\n%s", (int)b->len, b->data, want);
}

/* Complete lines, not wider than width (0: any), no blanks at their ends, valid UTF-8 without
 * anything hidden: so no control byte but the newlines. Not for coloured text. */
static inline void assert_clean(const struct wd_buf *b, size_t width)
{
	const char *s = b->data, *end = b->data + b->len;

	assert_int_equal(b->err, 0);
	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));

		assert_non_null(nl);
		assert_true(nl == s || nl[-1] != ' ');
		if (width && wd_text_width(s, (size_t)(nl - s)) > width)
			fail_msg("wider than %zu: %.*s", width, (int)(nl - s), s);
		while (s < nl) {
			unsigned int cp;
			size_t n = wd_text_utf8(s, (size_t)(nl - s), &cp);

			assert_true(n > 0);
			assert_false(wd_text_is_hidden(cp));
			s += n;
		}
		s = nl + 1;
	}
}

#endif
