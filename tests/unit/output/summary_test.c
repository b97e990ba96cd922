/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lines.h"
#include "output/output.h"

#define WALL 1795349071218000000ull

static struct wd_buf buf;

static const struct wd_output_probe probes[] = {
	{"kfree_skb", "tp_btf", NULL, false},
	{"nf_hook_slow", NULL, "the hook of a drop is told by its function only", false},
	{"tcp_send_reset", NULL, NULL, false},
};

static const char *const targets[] = {"api", "services", "10.0.0.0/8:443"};

static bool said(const char *s)
{
	return memmem(buf.data, buf.len, s, strlen(s)) != NULL;
}

static void start(const struct wd_output_start *s, unsigned int width)
{
	wd_buf_reset(&buf);
	wd_text_start(&buf, s, &(struct wd_text_style){.width = width});
	assert_clean(&buf, width);
}

static void end(const struct wd_output_end *e, unsigned int width)
{
	wd_buf_reset(&buf);
	wd_text_end(&buf, e, &(struct wd_text_style){.width = width});
	assert_clean(&buf, width);
}

static void test_start(void **state)
{
	struct wd_output_start s = {
		.wall_ns = WALL,
		.version = "0.1.0",
		.kernel = "6.1.0-28-cloud-amd64",
		.node = "aks-1",
		.targets = targets,
		.n_targets = 3,
		.probes = probes,
		.n_probes = 3,
	};

	(void)state;
	start(&s, 80);
	assert_buf(&buf, "whydrop 0.1.0 on node aks-1, kernel 6.1.0-28-cloud-amd64\n"
	                 "tracing   api, services, 10.0.0.0/8:443\n"
	                 "watching  1 of 3 probe points\n"
	                 "without   nf_hook_slow: the hook of a drop is told by its function only\n"
	                 "          tcp_send_reset\n");
	s.n_probes = 1;
	start(&s, 0);
	assert_true(said("watching  all 1 probe points\n"));
	assert_false(said("without"));
	s.probes = probes + 1;
	start(&s, 0);
	assert_true(said("watching  0 of 1 probe points: nothing will be seen\n"));
	start(&(struct wd_output_start){0}, 80);
	assert_buf(&buf, "whydrop\n");
}

/* Without these no failure goes unseen: one line for all of them, after what matters more. */
static void test_minor_probes(void **state)
{
	static const struct wd_output_probe mixed[] = {
		{"icmp_send", NULL, "an ICMP error is known by its effect", true},
		{"kfree_skb", NULL, "no cause is known", false},
		{"tcp_connect", NULL, "a connection begins later", true},
		{"inet_sock_set_state", "raw_tp", NULL, false},
		{"tcp_conn_request", "fentry", NULL, true},
	};
	struct wd_output_start s = {.version = "0.1.0", .probes = mixed, .n_probes = 5};
	struct wd_output_end e = {
		.wall_ns = WALL, .stats = &(struct wd_stats){0}, .probes = mixed, .n_probes = 5};

	(void)state;
	start(&s, 0);
	assert_buf(&buf, "whydrop 0.1.0\n"
	                 "watching  2 of 5 probe points\n"
	                 "without   kfree_skb: no cause is known\n"
	                 "          icmp_send, tcp_connect: answers are less exact (whydrop "
	                 "probes)\n");
	end(&e, 0);
	assert_true(said("without   kfree_skb: no cause is known\n"));
	assert_true(said("icmp_send, tcp_connect: answers are less exact (whydrop probes)\n"));
	/* of the minor alone */
	s.n_probes = 1;
	start(&s, 0);
	assert_true(said("without   icmp_send: answers are less exact (whydrop probes)\n"));
	assert_false(said("known by its effect"));
	/* one that is there is not told */
	s.probes = mixed + 3;
	s.n_probes = 2;
	start(&s, 0);
	assert_false(said("without"));
	assert_false(said("less exact"));
}

/* It is watched, but by a way that sees less. */
static void test_way_that_sees_less(void **state)
{
	static const struct wd_output_probe ways[] = {
		{"connect", "kprobe", "attempts that a program refuses are not seen", false},
		{"kfree_skb", "tp_btf", NULL, false},
		{"icmp_send", "tracepoint", "the MTU is not told", true},
	};
	struct wd_output_start s = {.version = "0.1.0", .probes = ways, .n_probes = 3};

	(void)state;
	start(&s, 0);
	assert_buf(&buf, "whydrop 0.1.0\n"
	                 "watching  all 3 probe points\n"
	                 "without   connect by kprobe: attempts that a program refuses are not "
	                 "seen\n"
	                 "          icmp_send by tracepoint: the MTU is not told\n");
	for (unsigned int width = 40; width < 120; width += 7)
		start(&s, width);
}

static void test_start_hostile(void **state)
{
	static const char *const bad[] = {"\x1b[2J", NULL, "\xff"};
	static const struct wd_output_probe none[] = {{NULL, NULL, "\n\n", false}};
	struct wd_output_start s = {.version = "\n",
	                            .kernel = "\xe2\x80\xae",
	                            .node = "\x1b]0;x\a",
	                            .targets = bad,
	                            .n_targets = 3,
	                            .probes = none,
	                            .n_probes = 1};

	(void)state;
	start(&s, 40);
	start(&s, 0);
	assert_true(said("\\x1b[2J, \\xff"));
}

static void test_stats(void **state)
{
	struct wd_stats s = {.findings = 5, .findings_folded = 57, .conn_tracked = 1234};

	(void)state;
	wd_buf_reset(&buf);
	wd_text_stats(&buf, &s, WALL, &(struct wd_text_style){0});
	assert_buf(&buf,
	           "12:04:31  until now: 5 findings (and 57 folded), 1234 connection attempts "
	           "to the targets, nothing lost\n");
	s = (struct wd_stats){
		.findings = 1, .conn_tracked = 1, .drop_lost_ring = 3, .bad_records = 1};
	wd_buf_reset(&buf);
	wd_text_stats(&buf, &s, WALL, &(struct wd_text_style){0});
	assert_buf(&buf, "12:04:31  until now: 1 finding, 1 connection attempt to the targets, "
	                 "4 events lost (3 drops lost: ring buffer full; "
	                 "1 records refused by the reader)\n");
}

/* Every way to lose something is told by name, and nothing else is. */
static void test_losses_are_named(void **state)
{
	struct wd_stats s;

	(void)state;
#define X(field, meaning)                                                                \
	s = (struct wd_stats){.field = 7};                                               \
	wd_buf_reset(&buf);                                                              \
	wd_text_stats(&buf, &s, WALL, &(struct wd_text_style){0});                       \
	assert_int_equal(said("7 events lost (7 " meaning ")"), wd_stats_lost(&s) == 7); \
	assert_int_equal(said("nothing lost"), wd_stats_lost(&s) == 0);
	WD_STATS(X)
#undef X
}

static void test_end(void **state)
{
	struct wd_output_tally tally = {.total = 60,
	                                .cause = {[WD_CAUSE_NO_ROUTE] = 1,
	                                          [WD_CAUSE_FILTER_DENIED] = 58,
	                                          [WD_CAUSE_KERNEL_DROP] = 1}};
	struct wd_stats s = {.conn_tracked = 1234, .drop_lost_ring = 3};
	struct wd_output_end e = {
		.wall_ns = WALL,
		.elapsed_ms = 329000,
		.why = "interrupted",
		.stats = &s,
		.tally = &tally,
		.probes = probes,
		.n_probes = 3,
	};

	(void)state;
	end(&e, 100);
	assert_buf(&buf, "12:04:31  end after 329 s: interrupted\n"
	                 "          60 attempts with a problem; seen in all: 1234 connection "
	                 "attempts to the "
	                 "targets\n"
	                 "                58  FILTER DENIED\n"
	                 "                 1  NO ROUTE\n"
	                 "                 1  KERNEL DROP\n"
	                 "          note      3 events lost, there may be failures that were not "
	                 "seen: 3 drops lost: ring\n"
	                 "                      buffer full\n"
	                 "          without   nf_hook_slow: the hook of a drop is told by its "
	                 "function only\n"
	                 "                    tcp_send_reset\n");
	e.tally = NULL;
	s = (struct wd_stats){.findings = 1, .conn_tracked = 1};
	e.n_probes = 0;
	e.why = NULL;
	end(&e, 0);
	assert_buf(&buf, "12:04:31  end after 329 s\n"
	                 "          1 finding; seen in all: 1 connection attempt to the targets\n");
}

/* "Nothing found" in its three meanings. */
static void test_end_without_findings(void **state)
{
	struct wd_output_tally tally = {0};
	struct wd_stats s = {.conn_tracked = 12};
	struct wd_output_end e = {.wall_ns = WALL, .stats = &s, .tally = &tally};

	(void)state;
	end(&e, 0);
	assert_true(said("no problem seen in 12 connection attempts to the targets\n"));
	assert_false(said("note"));
	s.conn_tracked = 0;
	end(&e, 0);
	assert_true(said("no connection attempt to the targets was seen: this does not show"));
	assert_false(said("no problem"));
	s.conn_tracked = 12;
	s.conn_lost_ring = 2;
	end(&e, 0);
	assert_true(said("2 events lost, there may be failures that were not seen"));
}

static void test_widths(void **state)
{
	struct wd_output_tally tally = {.total = 1,
	                                .cause = {[WD_CAUSE_UPSTREAM_SILENT] = UINT64_MAX}};
	struct wd_output_start st = {.version = "0.1.0",
	                             .node = "n",
	                             .targets = targets,
	                             .n_targets = 3,
	                             .probes = probes,
	                             .n_probes = 3};
	struct wd_output_end e = {.stats = &(struct wd_stats){.drop_lost_ring = 1},
	                          .tally = &tally,
	                          .why = "\x1b",
	                          .probes = probes,
	                          .n_probes = 3};
	struct wd_stats s;

	(void)state;
	memset(&s, 0x77, sizeof(s));
	for (unsigned int width = 60; width < 200; width += 7) {
		start(&st, width);
		end(&e, width);
		wd_buf_reset(&buf);
		wd_text_stats(&buf, &s, WALL, &(struct wd_text_style){.width = width});
		assert_clean(&buf, width);
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
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_minor_probes),
		cmocka_unit_test(test_way_that_sees_less),
		cmocka_unit_test(test_start_hostile),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_losses_are_named),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_end_without_findings),
		cmocka_unit_test(test_widths),
	};

	setenv("TZ", "UTC0", 1);
	tzset();
	wd_buf_init(&buf, 1 << 16);
	return cmocka_run_group_tests(tests, NULL, release);
}
