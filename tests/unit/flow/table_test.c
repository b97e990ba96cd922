/* SPDX-License-Identifier: Apache-2.0 */
/* The table as such: its limits, its clock, its end, and input that makes no sense. */
#include "scene.h"

/* A different client for each number. */
static struct attempt client(unsigned int i)
{
	struct attempt a = dial_service(0);

	a.tuple.sport = (uint16_t)(10000 + i);
	a.sock = 0x100000 + i * 64;
	return a;
}

static void test_flows_are_capped(void **state)
{
	struct scene s;
	struct wd_flow_counts c;

	(void)state;
	scene_open_with(&s, (struct wd_flow_options){.max_flows = 8});
	for (unsigned int i = 0; i < 20; i++) {
		struct attempt a = client(i);
		struct wd_event e = syn_repeated(&a, 1000, 2);

		wd_flow_table_event(s.t, &e);
	}
	c = wd_flow_table_counts(s.t);
	assert_int_equal(c.flows, 8);
	assert_int_equal(c.flows_evicted, 12);
	scene_until(&s, 2000);
	assert_words(&s, 8);
	scene_close(&s);
}

/* Attempts that were told are no loss. */
static void test_finished_flows_make_room_first(void **state)
{
	struct attempt open = client(0);
	struct scene s;

	(void)state;
	scene_open_with(&s, (struct wd_flow_options){.max_flows = 4});
	play(&s, syn_repeated(&open, 0, 2));
	for (unsigned int i = 1; i < 8; i++) {
		struct attempt a = client(i);

		play(&s, refused(&a, i * 200, true));
	}
	play(&s, gave_up(&open, 2000, 3, 0));
	scene_rest(&s);
	assert_int_equal(wd_flow_table_counts(s.t).flows_evicted, 0);
	assert_words(&s, 9);
	scene_close(&s);
}

static void test_waiting_is_capped(void **state)
{
	struct scene s;
	struct wd_flow_counts c;

	(void)state;
	scene_open_with(&s, (struct wd_flow_options){.max_waiting = 8});
	for (unsigned int i = 0; i < 20; i++) {
		struct attempt a = client(i);
		struct wd_event e = dropped(a.tuple, 0, ACK, "NETFILTER_DROP", "nf_hook_slow");

		wd_flow_table_event(s.t, &e);
	}
	c = wd_flow_table_counts(s.t);
	assert_int_equal(c.waiting, 8);
	assert_int_equal(c.waiting_evicted, 12);
	assert_int_equal(c.flows, 0);
	scene_close(&s);
}

/* What has waited long enough goes, though nothing else is due: else the cap pushes it
 * out, which counts as a loss and takes the certainty from every answer. */
static void test_what_waits_is_forgotten(void **state)
{
	struct attempt a = client(0);
	struct wd_event e = dropped(a.tuple, 0, ACK, "NETFILTER_DROP", "nf_hook_slow");
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, e);
	assert_int_equal(wd_flow_table_counts(s.t).waiting, 1);
	scene_until(&s, 600000);
	assert_int_equal(wd_flow_table_counts(s.t).waiting, 0);
	assert_int_equal(wd_flow_table_counts(s.t).waiting_evicted, 0);
	scene_close(&s);
}

static void test_finished_flows_are_forgotten(void **state)
{
	struct attempt a = client(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, refused(&a, 1, true));
	scene_until(&s, 1000);
	assert_int_equal(wd_flow_table_counts(s.t).flows, 1);
	scene_rest(&s);
	assert_int_equal(wd_flow_table_counts(s.t).flows, 0);
	assert_int_equal(wd_flow_table_counts(s.t).flows_evicted, 0);
	assert_int_equal(wd_flow_table_next_ns(s.t), UINT64_MAX);
	scene_close(&s);
}

static void test_nothing_to_do_is_never(void **state)
{
	struct scene s;
	bool last;

	(void)state;
	scene_open(&s);
	assert_int_equal(wd_flow_table_next_ns(s.t), UINT64_MAX);
	assert_null(wd_flow_table_due(s.t, UINT64_MAX - 1, &last));
	wd_flow_table_finish(s.t, s.now_ns);
	assert_null(wd_flow_table_due(s.t, s.now_ns, &last));
	scene_close(&s);
	wd_flow_table_free(NULL);
}

static void test_finish_tells_what_is_open(void **state)
{
	struct attempt a = client(0), b = client(1), c = client(2), d = client(3);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, refused(&d, 0, true));
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, stalled(&b, 1000, 3));
	scene_until(&s, 1500);
	assert_words(&s, 3);
	play(&s, syn_filtered(&c, 1490));
	scene_finish(&s, 1500);
	/* a and b again, as final, and the SYN of c; d has had its last word */
	assert_words(&s, 6);
	for (unsigned int i = 3; i < 6; i++)
		assert_true(s.words[i].final);
	scene_close(&s);
}

static void test_finish_twice_says_nothing_twice(void **state)
{
	struct attempt a = client(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	scene_finish(&s, 2000);
	assert_words(&s, 2);
	wd_flow_table_finish(s.t, s.now_ns);
	scene_drain(&s);
	assert_words(&s, 2);
	scene_close(&s);
}

/* A given-up attempt is no failure at the end of the trace either. */
static void test_finish_keeps_silent_about_what_is_no_failure(void **state)
{
	struct attempt a = client(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, gave_up(&a, 10, 1, 0));
	scene_finish(&s, 20);
	assert_words(&s, 0);
	scene_close(&s);
}

/* ---- order ------------------------------------------------------------------------------- */

/* The records of one failure, in every order in which the CPUs may deliver them: those of
 * the socket keep theirs (its lock), the drop is another CPU's. */
static void test_order_of_records_does_not_matter(void **state)
{
	static const int orders[][3] = {{0, 1, 2}, {1, 0, 2}, {1, 2, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct attempt a = client(0);
		struct wd_event e[3] = {syn_filtered(&a, 1000), syn_repeated(&a, 1001, 2),
		                        gave_up(&a, 1002, 2, ECONNREFUSED)};
		struct scene s;

		scene_open(&s);
		for (size_t k = 0; k < 3; k++)
			play(&s, e[orders[i][k]]);
		scene_rest(&s);
		assert_words(&s, 1);
		assert_outcome(ended(&s, 0), "refused");
		assert_int_equal(ended(&s, 0)->n_drops, 1);
		assert_int_equal(ended(&s, 0)->err, ECONNREFUSED);
		assert_int_equal(ended(&s, 0)->syn_sent, 2);
		scene_close(&s);
	}
}

/* ---- what cannot be ---------------------------------------------------------------------- */

static void test_absurd_values(void **state)
{
	static const uint64_t times[] = {0,         1, SCENE_T0, UINT64_MAX / 2, UINT64_MAX - 1,
	                                 UINT64_MAX};
	struct scene s;
	bool last;

	(void)state;
	scene_open_with(&s, (struct wd_flow_options){.max_flows = 16, .max_waiting = 16});
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		for (unsigned int k = 0; k <= WD_EVENT_MAX; k++) {
			for (unsigned int why = 0; why <= WD_CONN_TRIGGER_MAX; why++) {
				struct attempt a = client(k);
				struct wd_event e = conn(&a, 0, (enum wd_conn_trigger)why);

				if (k != WD_EVENT_CONN)
					memset(&e.conn, 0, sizeof(e.conn));
				e.kind = (enum wd_event_kind)k;
				e.ts_ns = times[i];
				if (k == WD_EVENT_CONN) {
					e.conn.start_ns = times[5 - i];
					e.conn.syn_sent = UINT32_MAX;
					e.conn.err = why % 2 ? 65535 : 0;
					e.conn.old_state = (uint8_t)(why * 50);
				} else if (k == WD_EVENT_DROP) {
					e.drop.count = UINT64_MAX;
					e.drop.first_ns = UINT64_MAX;
					e.drop.tcp_flags = (uint8_t)(why * 50);
					e.drop.has_ct = why % 2;
				}
				wd_flow_table_event(s.t, &e);
			}
		}
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		for (unsigned int n = 0; wd_flow_table_due(s.t, times[i], &last); n++)
			assert_true(n < 1000);
	wd_flow_table_finish(s.t, UINT64_MAX);
	for (unsigned int n = 0; wd_flow_table_due(s.t, UINT64_MAX, &last); n++)
		assert_true(n < 1000);
	assert_true(wd_flow_table_counts(s.t).flows <= 16);
	assert_true(wd_flow_table_counts(s.t).waiting <= 16);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows_are_capped),
		cmocka_unit_test(test_finished_flows_make_room_first),
		cmocka_unit_test(test_waiting_is_capped),
		cmocka_unit_test(test_what_waits_is_forgotten),
		cmocka_unit_test(test_finished_flows_are_forgotten),
		cmocka_unit_test(test_nothing_to_do_is_never),
		cmocka_unit_test(test_finish_tells_what_is_open),
		cmocka_unit_test(test_finish_twice_says_nothing_twice),
		cmocka_unit_test(test_finish_keeps_silent_about_what_is_no_failure),
		cmocka_unit_test(test_order_of_records_does_not_matter),
		cmocka_unit_test(test_absurd_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
