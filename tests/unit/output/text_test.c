/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lines.h"
#include "sample.h"

static struct wd_buf buf;

static void text(const struct wd_finding *f, unsigned int width)
{
	wd_buf_reset(&buf);
	wd_text_finding(&buf, f, &(struct wd_text_style){.width = width});
}

static bool said(const char *s)
{
	return memmem(buf.data, buf.len, s, strlen(s)) != NULL;
}

static struct wd_finding unknown_one(void)
{
	return (struct wd_finding){
		.wall_ns = 1795349071218000000ull,
		.outcome = WD_OUTCOME_UNANSWERED,
		.proto = WD_PROTO_UDP,
		.client = {.ip = sample_addr("fd00::5"), .port = 5353},
		.target = {sample_addr("fd00:96::a"), 53},
		.attempts = 2,
		.elapsed_ms = 5000,
		.summary = "nothing on this node dropped it",
		.lost_events = 12,
		.missing_probes = {"nf_hook_slow", "tcp_send_reset"},
		.n_missing_probes = 2,
	};
}

static struct wd_finding refused_one(void)
{
	struct wd_finding f = sample_finding();

	f.cause = WD_CAUSE_BACKEND_NOT_LISTENING;
	f.confidence = WD_CONFIDENCE_LIKELY;
	f.outcome = WD_OUTCOME_REFUSED;
	f.err = ECONNREFUSED;
	f.attempts = 1;
	f.elapsed_ms = 0;
	f.client.pod.name[0] = '\0';
	f.client.host = true;
	f.client.netns = NULL;
	f.client.comm = "a b";
	f.target.ip = f.backend.ip;
	f.target.port = f.backend.port;
	f.drop.known = false;
	f.where = NULL;
	f.evidence[0].text = "RST from 10.244.0.20:8443";
	f.n_evidence = 1;
	f.n_next = 0;
	f.summary = "nobody listens on port 8443 in payments/api-1; "
		    "\xe6\x97\xa5\xe6\x9c\xac listens on 8080";
	return f;
}

static void test_golden_80(void **state)
{
	struct wd_finding f = sample_finding();

	(void)state;
	text(&f, 80);
	assert_buf(
		&buf,
		"12:04:31  shop/cart-0 (curl 4711) -> 10.96.156.220:443\n"
		"          => 10.244.0.20:8443 (payments/api-1)\n"
		"          FILTER DENIED (certain): unanswered, 3 SYN in 3.1 s, error ETIMEDOUT\n"
		"          why       a netfilter rule of this node drops what shop/cart-0 sends\n"
		"                      to 10.244.0.20:8443\n"
		"          from      10.244.0.5:41234, netns cni-7d1f\n"
		"          where     this node, forward hook, in from veth3a1f,\n"
		"                      kernel reason NETFILTER_DROP, freed in nf_hook_slow\n"
		"          evidence  3 SYN in 3.1 s, none answered\n"
		"                    all 3 dropped in nf_hook_slow\n"
		"          unseen    rule counters: iptables-save is not installed\n"
		"          next      iptables-save -c: find the rule whose counter grows\n"
		"                    ask who owns it\n");
	f = unknown_one();
	text(&f, 80);
	assert_buf(&buf,
	           "12:04:31  [fd00::5]:5353 (unknown process) -> [fd00:96::a]:53/udp\n"
	           "          CAUSE UNKNOWN, so far: unanswered, 2 datagrams in 5.0 s\n"
	           "          why       nothing on this node dropped it\n"
	           "          note      cannot say more: 12 events were lost in this trace; not\n"
	           "                      watched: nf_hook_slow, tcp_send_reset\n");
	f = refused_one();
	text(&f, 80);
	assert_buf(&buf, "12:04:31  node (\"a b\" 4711) -> 10.244.0.20:8443 (payments/api-1)\n"
	                 "          BACKEND NOT LISTENING (likely): refused, error ECONNREFUSED\n"
	                 "          why       nobody listens on port 8443 in payments/api-1; "
	                 "\xe6\x97\xa5\xe6\x9c\xac listens\n"
	                 "                      on 8080\n"
	                 "          from      10.244.0.5:41234\n"
	                 "          evidence  RST from 10.244.0.20:8443\n");
}

static void test_golden_160(void **state)
{
	struct wd_finding f = sample_finding();

	(void)state;
	f.final = false;
	f.where = NULL;
	f.confidence = WD_CONFIDENCE_POSSIBLE;
	text(&f, 160);
	assert_buf(
		&buf,
		"12:04:31  shop/cart-0 (curl 4711) -> 10.96.156.220:443 => 10.244.0.20:8443 "
		"(payments/api-1)\n"
		"          FILTER DENIED (only possible), so far: unanswered, 3 SYN in 3.1 s, "
		"error ETIMEDOUT\n"
		"          why       a netfilter rule of this node drops what shop/cart-0 sends to "
		"10.244.0.20:8443\n"
		"          from      10.244.0.5:41234, netns cni-7d1f\n"
		"          where     hook forward, device veth3a1f, netns node, kernel reason "
		"NETFILTER_DROP, freed in nf_hook_slow\n"
		"          evidence  3 SYN in 3.1 s, none answered\n"
		"                    all 3 dropped in nf_hook_slow\n"
		"          unseen    rule counters: iptables-save is not installed\n"
		"          next      iptables-save -c: find the rule whose counter grows\n"
		"                    ask who owns it\n");
}

static void test_golden_40(void **state)
{
	struct wd_finding f = refused_one();

	(void)state;
	text(&f, 40);
	assert_buf(&buf, "12:04:31  node (\"a b\" 4711)\n"
	                 "  -> 10.244.0.20:8443 (payments/api-1)\n"
	                 "  BACKEND NOT LISTENING (likely):\n"
	                 "    refused, error ECONNREFUSED\n"
	                 "  why       nobody listens on port 8443\n"
	                 "              in payments/api-1; \xe6\x97\xa5\xe6\x9c\xac\n"
	                 "              listens on 8080\n"
	                 "  from      10.244.0.5:41234\n"
	                 "  evidence  RST from 10.244.0.20:8443\n");
}

static void test_colour(void **state)
{
	struct wd_finding f = refused_one();

	(void)state;
	wd_buf_reset(&buf);
	wd_text_finding(&buf, &f, &(struct wd_text_style){.width = 160, .colour = true});
	assert_true(said(
		"          \x1b[1mBACKEND NOT LISTENING\x1b[0m \x1b[33m(likely)\x1b[0m: refused"));
	assert_true(said("          \x1b[2mwhy\x1b[0m       nobody"));
	f.confidence = WD_CONFIDENCE_CERTAIN;
	wd_text_finding(&buf, &f, &(struct wd_text_style){.width = 160, .colour = true});
	assert_true(said("\x1b[1;31m(certain)\x1b[0m"));
	text(&f, 160);
	assert_null(memchr(buf.data, '\x1b', buf.len));
}

static void test_nothing_known(void **state)
{
	struct wd_finding f = {.final = true};

	(void)state;
	text(&f, 80);
	assert_buf(&buf, "--:--:--  unknown client (unknown process) -> unknown target\n"
	                 "          CAUSE UNKNOWN\n");
}

static void test_who_is_said_plainly(void **state)
{
	struct wd_finding f = sample_finding();

	(void)state;
	f.client.pod.name[0] = '\0';
	f.client.pid = 0;
	f.client.comm = NULL;
	text(&f, 0);
	assert_true(said("12:04:31  netns cni-7d1f (unknown process) ->"));
	assert_true(said("from      10.244.0.5:41234\n"));
	f.client.pid = 12;
	text(&f, 0);
	assert_true(said("netns cni-7d1f (pid 12) ->"));
	f.client.pid = 0;
	f.client.comm = "curl";
	text(&f, 0);
	assert_true(said("netns cni-7d1f (curl) ->"));
}

static void test_where_does_not_repeat(void **state)
{
	struct wd_finding f = sample_finding();

	(void)state;
	f.where = "nf_hook_slow in the node: NETFILTER_DROP";
	text(&f, 0);
	assert_true(said("where     nf_hook_slow in the node: NETFILTER_DROP\n"));
	f.where = "nf_hook_slow in the node";
	text(&f, 0);
	assert_true(said("where     nf_hook_slow in the node, kernel reason NETFILTER_DROP\n"));
	f.where = NULL;
	f.drop.known = false;
	text(&f, 0);
	assert_false(said("where"));
}

static void test_notes(void **state)
{
	struct wd_finding f = sample_finding();

	(void)state;
	text(&f, 0);
	assert_false(said("note"));
	f.lost_events = 1;
	text(&f, 0);
	assert_true(said("note      1 event was lost in this trace\n"));
	f.lost_events = 0;
	f.missing_probes[0] = "kfree_skb";
	f.n_missing_probes = 1;
	text(&f, 0);
	assert_true(said("note      not watched: kfree_skb\n"));
}

static void test_revised(void **state)
{
	struct wd_text_revision before = {WD_CAUSE_NO_ROUTE, WD_CONFIDENCE_LIKELY,
	                                  WD_OUTCOME_UNANSWERED};
	struct wd_finding f = sample_finding();

	(void)state;
	wd_buf_reset(&buf);
	wd_text_finding_revised(&buf, &f, &before, &(struct wd_text_style){0});
	assert_true(said("revised   the same attempt as shown before as NO ROUTE (likely), "
	                 "unanswered\n"));
}

/* Text from outside in every place. Words are short enough for any width. */
static void fill(char *s, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++) {
		s[i] = (char)(random() % 3 ? 0x20 + random() % 0x5f : random());
		if (!s[i] || i % 5 == 4)
			s[i] = ' ';
	}
	s[n - 1] = '\0';
}

static void test_hostile_input_at_all_widths(void **state)
{
	static const unsigned int widths[] = {0, 1, 40, 41, 59, 60, 80, 160};
	char texts[8][64], comm[4], netns[4];

	(void)state;
	srandom(6);
	for (int round = 0; round < 3000; round++) {
		struct wd_finding f = sample_finding();

		for (int i = 0; i < 8; i++)
			fill(texts[i], sizeof(texts[i]));
		fill(comm, sizeof(comm));
		fill(netns, sizeof(netns));
		f.summary = texts[0];
		f.where = texts[1];
		f.next[0] = texts[2];
		f.evidence[0].text = texts[3];
		f.evidence[1].text = texts[4];
		f.client.comm = comm;
		f.client.netns = netns;
		f.drop.reason = netns;
		f.missing_probes[0] = comm;
		f.n_missing_probes = 1;
		f.cause = (enum wd_cause)(random() % (WD_CAUSE_MAX + 1));
		f.outcome = (enum wd_outcome)(random() % (WD_OUTCOME_MAX + 1));
		f.confidence = (enum wd_confidence)(random() % (WD_CONFIDENCE_MAX + 1));
		f.final = random() % 2;
		if (random() % 2)
			f.client.pod.name[0] = '\0';
		for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
			unsigned int w = widths[i];

			text(&f, w);
			assert_clean(&buf, w && w < 40 ? 40 : w);
		}
	}
}

static void test_hostile_names(void **state)
{
	struct wd_finding f = sample_finding();

	(void)state;
	memset(f.client.pod.name, '\x1b', sizeof(f.client.pod.name) - 1);
	memset(f.client.pod.ns, '\xe2', sizeof(f.client.pod.ns) - 1);
	memset(f.backend.pod.name, ' ', sizeof(f.backend.pod.name) - 1);
	f.client.comm = "x)  ->  1.2.3.4";
	f.n_next = 1000;
	f.n_evidence = 1000;
	f.n_missing_probes = 1000;
	for (unsigned int width = 0; width < 200; width += 20) {
		text(&f, width);
		assert_clean(&buf, 0);
		assert_true(said("(\"x)  ->  1.2.3.4\" 4711)"));
	}
}

static void test_cap(void **state)
{
	struct wd_finding f = sample_finding();
	struct wd_buf small;
	unsigned int n = 0;

	(void)state;
	wd_buf_init(&small, 5000);
	while (!small.err) {
		wd_text_finding(&small, &f, &(struct wd_text_style){.width = 80, .colour = true});
		n++;
	}
	assert_int_equal(small.err, -ENOBUFS);
	assert_true(n > 3);
	assert_int_equal(small.len % (n - 1), 0);
	assert_int_equal(small.data[small.len - 1], '\n');
	wd_buf_release(&small);
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
		cmocka_unit_test(test_golden_80),
		cmocka_unit_test(test_golden_160),
		cmocka_unit_test(test_golden_40),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_who_is_said_plainly),
		cmocka_unit_test(test_where_does_not_repeat),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_revised),
		cmocka_unit_test(test_hostile_input_at_all_widths),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_cap),
	};

	setenv("TZ", "UTC0", 1);
	tzset();
	wd_buf_init(&buf, 1 << 20);
	return cmocka_run_group_tests(tests, NULL, release);
}
