/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "kube/response.h"

static struct wd_response r;
static struct wd_buf body;
static int refuse_after;

static int on_body(const char *bytes, size_t n, void *ctx)
{
	(void)ctx;
	wd_buf_put(&body, bytes, n);
	return refuse_after && body.len >= (size_t)refuse_after ? -ECANCELED : 0;
}

/* In pieces of that size; each a block of its own, so that a step too far is seen. */
static int feed(const char *text, size_t piece, size_t *ret_used)
{
	size_t n = strlen(text), at = 0;
	int e = 0;

	wd_buf_release(&body);
	wd_buf_init(&body, 1 << 20);
	wd_response_begin(&r, on_body, NULL);
	while (at < n && !e && r.state != WD_RESPONSE_DONE) {
		size_t take = n - at < piece ? n - at : piece, used = 0;
		char *copy = malloc(take);

		assert_non_null(copy);
		memcpy(copy, text + at, take);
		e = wd_response_feed(&r, copy, take, &used);
		free(copy);
		at += used;
		assert_true(e || used == take || r.state == WD_RESPONSE_DONE);
	}
	*ret_used = at;
	wd_buf_putc(&body, '\0');
	return e;
}

static void good(const char *text, int status, const char *want, size_t left)
{
	static const size_t pieces[] = {1, 2, 3, 7, 1000};
	size_t used;

	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(feed(text, pieces[i], &used), 0);
		assert_int_equal(r.state, WD_RESPONSE_DONE);
		assert_int_equal(r.status, status);
		assert_string_equal(body.data, want);
		assert_int_equal(strlen(text) - used, left);
	}
}

static void bad(const char *text, const char *why)
{
	static const size_t pieces[] = {1, 5, 100000};
	size_t used;

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(feed(text, pieces[i], &used), -EPROTO);
		assert_int_equal(r.state, WD_RESPONSE_FAILED);
		if (!strstr(r.error, why))
			fail_msg("'%s' instead of '%s'", r.error, why);
	}
}

#define OK "HTTP/1.1 200 OK\r\n"
#define CH OK "Transfer-Encoding: chunked\r\n\r\n"

static void test_bodies(void **state)
{
	(void)state;
	good(OK "Content-Length: 5\r\n\r\nhello", 200, "hello", 0);
	good(OK "content-length:5\r\n\r\nhelloHTTP", 200, "hello", 4);
	good(OK "Content-Length: 0\r\n\r\n", 200, "", 0);
	good(OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", 0);
	good(CH "5\r\nhello\r\n1;ext=\"x\"\r\n!\r\n0\r\n\r\n", 200, "hello!", 0);
	good(CH "A \r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nmore", 200, "0123456789", 4);
	good("HTTP/1.1 204\r\n\r\n", 204, "", 0);
	good("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, "", 0);
	good("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n" OK
	     "Content-Length: 1\r\n\r\nx",
	     200, "x", 0);
	/* bare LF ends a line too */
	good("HTTP/1.1 200 OK\nContent-Length: 1\n\nx", 200, "x", 0);
}

static void test_fields(void **state)
{
	size_t used;

	(void)state;
	feed("HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nConnection: close\r\n"
	     "Content-Length: 0\r\n\r\n",
	     3, &used);
	assert_int_equal(r.retry_after_s, 7);
	assert_false(r.keep_alive);
	feed("HTTP/1.1 503 X\r\nRetry-After: Sun, 22 Nov 2026 20:00:00 GMT\r\n\r\n", 9, &used);
	assert_int_equal(r.retry_after_s, 0);
	feed("HTTP/1.0 200 X\r\nContent-Length: 1\r\n\r\n", 9, &used);
	assert_false(r.keep_alive);
	feed(OK "Content-Length: 1\r\n\r\n", 9, &used);
	assert_true(r.keep_alive && wd_response_has_head(&r));
}

static void test_ends(void **state)
{
	size_t used;

	(void)state;
	assert_int_equal(feed(OK "\r\nall of it", 4, &used), 0);
	assert_int_equal(wd_response_close(&r), 0);
	assert_string_equal(body.data, "all of it");
	feed(OK "Content-Length: 9\r\n\r\nhal", 4, &used);
	assert_int_equal(wd_response_close(&r), -EPIPE);
	feed(CH "3\r\nabc\r\n", 4, &used);
	assert_int_equal(wd_response_close(&r), -EPIPE);
	feed(CH "3\r\nabc\r\n0\r\n", 4, &used);
	assert_int_equal(wd_response_close(&r), -EPIPE);
	feed("HTTP/1.1 200 O", 4, &used);
	assert_int_equal(wd_response_close(&r), -EPIPE);
	feed("", 4, &used);
	assert_int_equal(wd_response_close(&r), -EPIPE);
}

static void test_refusals(void **state)
{
	(void)state;
	bad("SSH-2.0-x\r\n", "not HTTP");
	bad("HTTP/2 200\r\n", "another HTTP version");
	bad("HTTP/1.1 2x0 OK\r\n", "without a status");
	bad("HTTP/1.1 099 OK\r\n", "without a status");
	bad("HTTP/1.1 2000 OK\r\n", "without a status");
	bad("HTTP/1.1 101 Switching\r\n\r\n", "protocol switch");
	bad(OK "no colon\r\n", "a header line");
	bad(OK "A : b\r\n", "a header line");
	bad(OK "A: b\r\n folded\r\n", "a header line");
	bad(OK ": b\r\n", "a header line");
	bad(OK "A: b\rc\r\n", "control characters");
	bad(OK "Content-Length: -1\r\n", "Content-Length");
	bad(OK "Content-Length: 99999999999999999999\r\n", "Content-Length");
	bad(OK "Content-Length: 1\r\nContent-Length: 2\r\n", "two different");
	bad(OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "both");
	bad(OK "Transfer-Encoding: gzip\r\n", "Transfer-Encoding");
	bad(OK "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding");
	bad(OK "Content-Encoding: gzip\r\n", "compressed");
	bad(CH "\r\n", "without a size");
	bad(CH "xyz\r\n", "without a size");
	bad(CH "-1\r\n", "without a size");
	bad(CH "fffffffffffffffff\r\n", "beyond all bounds");
	bad(CH "3\r\nabcd\r\n", "longer than it says");
}

static void test_bounds(void **state)
{
	char *text = malloc(400000);
	size_t n;

	(void)state;
	assert_non_null(text);
	n = (size_t)sprintf(text, OK "A: ");
	memset(text + n, 'x', 9000);
	text[n + 9000] = '\0';
	bad(text, "8 KiB");
	n = (size_t)sprintf(text, OK);
	for (int i = 0; i < 3000; i++)
		n += (size_t)sprintf(text + n, "Header-%d: 0123456789\r\n", i);
	bad(text, "64 KiB");
	n = 0;
	for (int i = 0; i < 20; i++)
		n += (size_t)sprintf(text + n, "HTTP/1.1 100 Continue\r\n\r\n");
	bad(text, "interim");
	n = (size_t)sprintf(text, CH "0\r\n");
	for (int i = 0; i < 8000; i++)
		n += (size_t)sprintf(text + n, "T: 0123456789\r\n");
	bad(text, "64 KiB");
	free(text);
}

static void test_owner_may_end_it(void **state)
{
	size_t used;

	(void)state;
	refuse_after = 3;
	assert_int_equal(feed(CH "5\r\nhello\r\n", 1, &used), -ECANCELED);
	assert_string_equal(body.data, "hel");
	assert_int_equal(wd_response_feed(&r, "x", 1, &used), -EPROTO);
	refuse_after = 0;
}

static int teardown(void **state)
{
	(void)state;
	wd_buf_release(&body);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies), cmocka_unit_test(test_fields),
		cmocka_unit_test(test_ends),   cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_owner_may_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
