/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP response: in one piece and byte by byte it is the same. */
#include "fuzz.h"

#include <errno.h>

#include "base/buf.h"
#include "kube/response.h"

#define OK "HTTP/1.1 200 OK\r\n"

WD_FUZZ_TEXT_SEEDS(
	WD_FUZZ_TEXT(OK "Content-Length: 5\r\nConnection: close\r\n\r\nhello"),
	WD_FUZZ_TEXT(OK "Transfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nT: x\r\n\r\nmore"),
	WD_FUZZ_TEXT("HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Type: x\r\n\r\nuntil the end"),
	WD_FUZZ_TEXT("HTTP/1.0 429 Slow\r\nRetry-After: 3\r\nLocation: x\r\nContent-Length: 0\r\n"
                     "\r\n"))

static int on_body(const char *bytes, size_t n, void *ctx)
{
	wd_buf_put(ctx, bytes, n);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wd_response whole, single;
	struct wd_buf a, b;
	size_t used = 0, at = 0;
	int r, s = 0;

	wd_buf_init(&a, 1 << 16);
	wd_buf_init(&b, 1 << 16);
	wd_response_begin(&whole, on_body, &a);
	wd_response_begin(&single, on_body, &b);
	r = wd_response_feed(&whole, (const char *)data, size, &used);
	WD_FUZZ_CHECK(used <= size && (r == 0 || r == -EPROTO));
	while (at < size && !s && single.state != WD_RESPONSE_DONE) {
		size_t n = 0;

		s = wd_response_feed(&single, (const char *)data + at, 1, &n);
		at += n;
		WD_FUZZ_CHECK(s || n == 1);
	}
	WD_FUZZ_CHECK(r == s && whole.state == single.state && whole.status == single.status);
	WD_FUZZ_CHECK(a.len == b.len && (!a.len || memcmp(a.data, b.data, a.len) == 0));
	WD_FUZZ_CHECK(r ? whole.error != NULL : at == used);
	WD_FUZZ_CHECK(a.len <= size);
	r = wd_response_close(&whole);
	WD_FUZZ_CHECK(r == wd_response_close(&single));
	wd_buf_release(&a);
	wd_buf_release(&b);
	return 0;
}
