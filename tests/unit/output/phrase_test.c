/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "output/phrase.h"

#include "lines.h"
#include "sample.h"

static struct wd_buf buf;
static struct wd_page page;

static void begin(void)
{
	wd_buf_reset(&buf);
	wd_page_begin(&page, &buf, &(struct wd_text_style){0});
	wd_page_line(&page, 0, 0);
}

static void assert_phrase(const char *want)
{
	wd_page_break(&page);
	assert_int_equal(buf.err, 0);
	assert_true(buf.len > 0);
	buf.data[buf.len - 1] = '\0';
	assert_string_equal(buf.data, want);
}

static void test_client(void **state)
{
	struct wd_finding f = sample_finding();

	(void)state;
	begin();
	wd_phrase_client(&page, &f, true);
	assert_phrase("shop/cart-0");
	assert_false(wd_phrase_client_is_address(&f));
	f.client.pod.ns[0] = '\0';
	begin();
	wd_phrase_client(&page, &f, true);
	assert_phrase("cart-0");
	f.client.pod.name[0] = '\0';
	begin();
	wd_phrase_client(&page, &f, true);
	assert_phrase("netns cni-7d1f");
	f.client.host = true;
	begin();
	wd_phrase_client(&page, &f, true);
	assert_phrase("node");
	f.client.host_known = false;
	f.client.netns = "";
	assert_true(wd_phrase_client_is_address(&f));
	begin();
	wd_phrase_client(&page, &f, true);
	assert_phrase("10.244.0.5:41234");
	begin();
	wd_phrase_client(&page, &f, false);
	assert_phrase("10.244.0.5");
	memset(&f.client.ip, 0, sizeof(f.client.ip));
	begin();
	wd_phrase_client(&page, &f, true);
	assert_phrase("unknown client");
}

static void test_who(void **state)
{
	struct wd_finding f = sample_finding();

	(void)state;
	begin();
	wd_phrase_who(&page, &f);
	assert_phrase("shop/cart-0 (curl)");
	f.client.comm = NULL;
	begin();
	wd_phrase_who(&page, &f);
	assert_phrase("shop/cart-0");
}

static void test_target_and_backend(void **state)
{
	struct wd_finding f = sample_finding();

	(void)state;
	begin();
	wd_phrase_target(&page, &f);
	wd_phrase_backend(&page, &f);
	assert_phrase("-> 10.96.156.220:443 => 10.244.0.20:8443 (payments/api-1)");
	f.backend.pod.name[0] = '\0';
	f.proto = WD_PROTO_UDP;
	begin();
	wd_phrase_target(&page, &f);
	wd_phrase_backend(&page, &f);
	assert_phrase("-> 10.96.156.220:443/udp => 10.244.0.20:8443");
	f = sample_finding();
	f.target.ip = f.backend.ip;
	f.target.port = f.backend.port;
	begin();
	wd_phrase_target(&page, &f);
	wd_phrase_backend(&page, &f);
	assert_phrase("-> 10.244.0.20:8443 (payments/api-1)");
	f = (struct wd_finding){.proto = 99};
	begin();
	wd_phrase_target(&page, &f);
	wd_phrase_backend(&page, &f);
	assert_phrase("-> unknown target");
}

static void test_headline(void **state)
{
	(void)state;
	begin();
	wd_phrase_headline(&page, WD_CAUSE_NO_ROUTE, WD_CONFIDENCE_LIKELY);
	assert_phrase("NO ROUTE (likely)");
	begin();
	wd_phrase_headline(&page, WD_CAUSE_NO_ROUTE, WD_CONFIDENCE_POSSIBLE);
	assert_phrase("NO ROUTE (only possible)");
	begin();
	wd_phrase_headline(&page, WD_CAUSE_UNKNOWN, WD_CONFIDENCE_CERTAIN);
	assert_phrase("CAUSE UNKNOWN");
}

static void test_outcome_words(void **state)
{
	(void)state;
	assert_string_equal(wd_phrase_outcome_word(WD_OUTCOME_NONE), "");
	assert_string_equal(wd_phrase_outcome_word(WD_OUTCOME_ANSWERED_LATE), "answered late");
	for (int o = WD_OUTCOME_NONE + 1; o < WD_OUTCOME_MAX; o++) {
		assert_true(wd_phrase_outcome_word(o)[0] != '\0');
		assert_null(strchr(wd_phrase_outcome_word(o), '-'));
	}
}

static void test_outcome(void **state)
{
	static const struct {
		enum wd_outcome outcome;
		uint8_t proto;
		uint32_t attempts;
		uint64_t elapsed_ms;
		int err;
		const char *want;
	} cases[] = {
		{WD_OUTCOME_UNANSWERED, 6, 7, 127000, ETIMEDOUT,
	         "unanswered, 7 SYN in 127 s, error ETIMEDOUT"},
		{WD_OUTCOME_UNANSWERED, 6, 1, 0, 0, "unanswered, 1 SYN"},
		{WD_OUTCOME_UNANSWERED, 6, 0, 3100, 0, "unanswered for 3.1 s"},
		{WD_OUTCOME_UNANSWERED, 6, 0, 0, 0, "unanswered"},
		{WD_OUTCOME_ANSWERED_LATE, 6, 3, 3100, 0, "answered late, 3 SYN in 3.1 s"},
		{WD_OUTCOME_REFUSED, 6, 1, 0, ECONNREFUSED, "refused, error ECONNREFUSED"},
		{WD_OUTCOME_REFUSED, 6, 1, 12, ECONNREFUSED,
	         "refused after 12 ms, error ECONNREFUSED"},
		{WD_OUTCOME_REFUSED, 6, 2, 1012, 0, "refused, 2 SYN in 1.0 s"},
		{WD_OUTCOME_STALLED, 6, 0, 30000, 0, "stalled for 30 s"},
		{WD_OUTCOME_DROPPED, 17, 1, 0, 0, "dropped, 1 datagram"},
		{WD_OUTCOME_DROPPED, 17, 2, 10, 0, "dropped, 2 datagrams in 10 ms"},
		{WD_OUTCOME_DROPPED, 132, 2, 10, 0, "dropped, 2 packets in 10 ms"},
		{WD_OUTCOME_NONE, 6, 0, 10, 0, "for 10 ms"},
		{WD_OUTCOME_NONE, 6, 0, 0, EHOSTUNREACH, "error EHOSTUNREACH"},
		{WD_OUTCOME_FAILED, 6, 0, 0, 99999, "failed, error 99999"},
	};
	struct wd_finding f = {0};

	(void)state;
	assert_false(wd_phrase_has_outcome(&f));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f = (struct wd_finding){.outcome = cases[i].outcome,
		                        .proto = cases[i].proto,
		                        .attempts = cases[i].attempts,
		                        .elapsed_ms = cases[i].elapsed_ms,
		                        .err = cases[i].err};
		assert_true(wd_phrase_has_outcome(&f));
		begin();
		wd_phrase_outcome(&page, &f);
		assert_phrase(cases[i].want);
	}
}

/* The subject is what findings are folded by: all that tells two failures apart is in it, and
 * nothing that differs from one attempt to the next. */
static void test_subject(void **state)
{
	struct wd_finding f = sample_finding();

	(void)state;
	begin();
	wd_phrase_subject(&page, &f);
	assert_phrase(
		"shop/cart-0 (curl) -> 10.96.156.220:443 => 10.244.0.20:8443 (payments/api-1), "
		"FILTER DENIED (certain), unanswered, NETFILTER_DROP");
	f.id++;
	f.wall_ns++;
	f.client.port++;
	f.client.pid++;
	f.attempts++;
	f.elapsed_ms++;
	begin();
	wd_phrase_subject(&page, &f);
	assert_phrase(
		"shop/cart-0 (curl) -> 10.96.156.220:443 => 10.244.0.20:8443 (payments/api-1), "
		"FILTER DENIED (certain), unanswered, NETFILTER_DROP");
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
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_target_and_backend),
		cmocka_unit_test(test_headline),
		cmocka_unit_test(test_outcome_words),
		cmocka_unit_test(test_outcome),
		cmocka_unit_test(test_subject),
	};

	wd_buf_init(&buf, 1 << 16);
	return cmocka_run_group_tests(tests, NULL, release);
}
