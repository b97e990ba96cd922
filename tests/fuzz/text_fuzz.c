/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping: whatever goes in, nothing comes out that a terminal obeys. */
#include "fuzz.h"

#include "base/text.h"

WD_FUZZ_TEXT_SEEDS(WD_FUZZ_TEXT("plain"), WD_FUZZ_TEXT("\x1b[31mred\x1b[0m\r\n\t"),
                   WD_FUZZ_TEXT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
                   WD_FUZZ_TEXT("\xe2\x80\xae"
                                "rtl\xc2\x9b"
                                "31m\xef\xbf\xbf\xed\xa0\x80"))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wd_buf b;

	wd_buf_init(&b, 1 << 20);
	wd_text_escape(&b, (const char *)data, size);
	WD_FUZZ_CHECK(!b.err && b.len >= size);
	for (size_t i = 0, n; i < b.len; i += n) {
		unsigned int cp;

		n = wd_text_utf8(b.data + i, b.len - i, &cp);
		WD_FUZZ_CHECK(n >= 1 && n <= 4);
		WD_FUZZ_CHECK(cp >= 0x20 && cp != 0x7f && !wd_text_is_hidden(cp));
	}
	WD_FUZZ_CHECK(wd_text_width(b.data, b.len) <= 2 * b.len);
	wd_buf_release(&b);
	return 0;
}
