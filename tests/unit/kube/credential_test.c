/* SPDX-License-Identifier: Apache-2.0 */
/* Back-off, answers of credential plugins, escapes of queries: what needs neither loop nor net. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kube/backoff.h"
#include "kube/exec.h"
#include "kube/fetch.h"

#define V1 "client.authentication.k8s.io/v1"

static void test_backoff(void **state)
{
	unsigned int low = UINT32_MAX, high = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct wd_backoff b;
		unsigned int ms;

		wd_backoff_init(&b, 800, 30000, seed);
		for (unsigned int i = 0, from = 800; i < 12; i++, from *= 2) {
			ms = wd_backoff_next(&b);
			if (from > 15000)
				from = 15000;
			assert_true(ms >= from && ms <= 2 * from && ms <= 30000);
			if (i == 11 && ms < low)
				low = ms;
			if (i == 11 && ms > high)
				high = ms;
		}
		wd_backoff_reset(&b);
		assert_true(wd_backoff_next(&b) <= 1600);
	}
	/* chance spreads them over all of the range */
	assert_true(low < 17000 && high > 28000);
}

static int parse(const char *text, struct wd_exec_credential *ret, char err[WD_KUBE_ERRLEN])
{
	return wd_exec_credential_parse(text, strlen(text), V1, ret, err);
}

static void good(const char *status, const char *token, int64_t expires)
{
	struct wd_exec_credential c = {0};
	char err[WD_KUBE_ERRLEN], text[2000];

	snprintf(text, sizeof(text),
	         "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":%s}", status);
	if (parse(text, &c, err))
		fail_msg("%s", err);
	assert_string_equal(c.token ? c.token : "-", token);
	assert_int_equal(c.expires, expires);
	wd_exec_credential_release(&c);
}

static void bad(const char *text, const char *why)
{
	struct wd_exec_credential c = {0};
	char err[WD_KUBE_ERRLEN];

	assert_int_equal(parse(text, &c, err), -EPROTO);
	assert_null(c.token);
	if (!strstr(err, why))
		fail_msg("'%s' is not in: %s", why, err);
}

#define HEAD "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":"

static void test_plugin_answers(void **state)
{
	(void)state;
	good("{\"token\":\"abc\"}", "abc", 0);
	good("{\"token\":\" abc\\n\",\"expirationTimestamp\":null}", "abc", 0);
	good("{\"token\":\"a\",\"expirationTimestamp\":\"1970-01-02T00:00:00Z\"}", "a", 86400);
	good("{\"token\":\"a\",\"expirationTimestamp\":\"1970-01-02T02:00:00.5+02:00\"}", "a",
	     86400);
	good("{\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\"}", "-", 0);
	bad("", "line");
	bad("login first", "line 1");
	bad("[]", "kind");
	bad("{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\"}",
	    "apiVersion: 'client.authentication.k8s.io/v1beta1' instead of");
	bad("{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\"}", "status: is missing");
	bad(HEAD "{}}", "neither a token");
	bad(HEAD "{\"token\":7}}", "status.token: not a text");
	bad(HEAD "{\"token\":\"a b\"}}", "status.token: it holds blanks");
	bad(HEAD "{\"token\":\"a\\r\\nX: y\"}}", "status.token: it holds blanks");
	bad(HEAD "{\"clientKeyData\":\"k\"}}", "without its key");
	bad(HEAD "{\"token\":\"a\",\"expirationTimestamp\":\"soon\"}}", "not a time");
	bad(HEAD "{\"token\":\"a\",\"expirationTimestamp\":\"2026-01-01T00:00:00+1\"}}",
	    "not a time");
}

static void test_escape(void **state)
{
	char out[16];

	(void)state;
	assert_int_equal(wd_fetch_escape(out, sizeof(out), "aZ9-._~"), 7);
	assert_string_equal(out, "aZ9-._~");
	assert_int_equal(wd_fetch_escape(out, sizeof(out), "=&%/\xff"), 15);
	assert_string_equal(out, "%3D%26%25%2F%FF");
	assert_int_equal(wd_fetch_escape(out, sizeof(out), "=&%/\xff="), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_plugin_answers),
		cmocka_unit_test(test_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
