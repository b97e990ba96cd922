/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that were answered: late, stalled, reset, or well. */
#include "scene.h"

static void test_clean_close_after_recovery_is_silent(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	/* reported for another cause earlier, so its clean end is a record too */
	play(&s, closed(&a, 5000, WD_TCP_LAST_ACK, 0, false));
	play(&s, destroyed(&a, 5001, false));
	scene_rest(&s);
	assert_words(&s, 0);
	scene_close(&s);
}

static void test_reset_met(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, closed(&a, 5000, WD_TCP_ESTABLISHED, ECONNRESET, true));
	play(&s, destroyed(&a, 5400, false));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "reset");
	assert_true(ended(&s, 0)->established);
	assert_true(ended(&s, 0)->rst_received);
	assert_int_equal(ended(&s, 0)->end_ns, at(5000));
	scene_close(&s);
}

static void test_reset_never_noticed_is_silent(void **state)
{
	static const uint8_t states[] = {WD_TCP_ESTABLISHED, WD_TCP_FIN_WAIT1, WD_TCP_FIN_WAIT2};

	(void)state;
	for (size_t i = 0; i < sizeof(states); i++) {
		struct attempt a = dial_service(0);
		struct scene s;

		scene_open(&s);
		play(&s, closed(&a, 5000, states[i], ECONNRESET, true));
		play(&s, destroyed(&a, 5000, true));
		scene_rest(&s);
		assert_words(&s, 0);
		scene_close(&s);
	}
}

/* The server has said goodbye, the client writes once more and closes without looking:
 * RST, EPIPE, but nobody met it. */
static void test_reset_after_fin_never_noticed_is_silent(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, closed(&a, 5000, WD_TCP_CLOSE_WAIT, EPIPE, true));
	play(&s, destroyed(&a, 5001, true));
	scene_rest(&s);
	assert_words(&s, 0);
	scene_close(&s);
}

static void test_reset_while_closing_is_silent(void **state)
{
	static const uint8_t states[] = {WD_TCP_LAST_ACK, WD_TCP_CLOSING, WD_TCP_TIME_WAIT};

	(void)state;
	for (size_t i = 0; i < sizeof(states); i++) {
		struct attempt a = dial_service(0);
		struct scene s;

		scene_open(&s);
		play(&s, closed(&a, 5000, states[i], ECONNRESET, true));
		scene_rest(&s);
		assert_words(&s, 0);
		scene_close(&s);
	}
}

/* Without tcp_destroy_sock nobody can say whether it was noticed: told, as probes warns. */
static void test_reset_without_destroy_is_told(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, closed(&a, 5000, WD_TCP_ESTABLISHED, ECONNRESET, true));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_said(&s, 0, 5000, 6200);
	assert_outcome(ended(&s, 0), "reset");
	scene_close(&s);
}

static void test_stalled_then_closed(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_event e;
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, stalled(&a, 2000, 3));
	e = stalled(&a, 3000, 4);
	e.conn.bytes_acked = 517;
	play(&s, e);
	scene_until(&s, 8000);
	assert_words(&s, 1);
	assert_outcome(interim(&s, 0), "stalled");
	assert_true(interim(&s, 0)->established);
	assert_int_equal(interim(&s, 0)->seg_len, 1000);

	play(&s, closed(&a, 9000, WD_TCP_ESTABLISHED, 0, false));
	scene_rest(&s);
	assert_words(&s, 2);
	assert_outcome(ended(&s, 1), "stalled");
	assert_int_equal(ended(&s, 1)->id, interim(&s, 0)->id);
	assert_int_equal(ended(&s, 1)->retransmits, 4);
	scene_close(&s);
}

static void test_stalled_until_timeout(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, stalled(&a, 2000, 3));
	play(&s, closed(&a, 900000, WD_TCP_ESTABLISHED, ETIMEDOUT, false));
	scene_rest(&s);
	assert_words(&s, 2);
	assert_outcome(ended(&s, 1), "stalled");
	assert_int_equal(ended(&s, 1)->err, ETIMEDOUT);
	scene_close(&s);
}

/* A stall that ends in a reset which nobody looked at was a stall all the same: the
 * interim word must not be left without a last one. */
static void test_stall_told_then_reset_unread(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, stalled(&a, 2000, 3));
	play(&s, closed(&a, 9000, WD_TCP_ESTABLISHED, ECONNRESET, true));
	play(&s, destroyed(&a, 9001, true));
	scene_rest(&s);
	assert_words(&s, 2);
	assert_outcome(ended(&s, 1), "stalled");
	scene_close(&s);
}

static void test_answered_late(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, answered(&a, 1050, 2));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "answered-late");
	assert_true(ended(&s, 0)->established);
	assert_int_equal(ended(&s, 0)->end_ns, at(1050));
	assert_int_equal(ended(&s, 0)->syn_sent, 2);
	scene_close(&s);
}

static void test_answered_after_interim(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, syn_repeated(&a, 3000, 3));
	play(&s, answered(&a, 3010, 3));
	scene_rest(&s);
	assert_words(&s, 2);
	assert_outcome(interim(&s, 0), "unanswered");
	assert_outcome(ended(&s, 1), "answered-late");
	assert_int_equal(ended(&s, 1)->id, interim(&s, 0)->id);
	scene_close(&s);
}

/* "Answered late" must not be the last word on a connection that is then cut. */
static void test_reset_soon_after_late_answer_is_told(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, answered(&a, 1050, 2));
	play(&s, closed(&a, 2000, WD_TCP_ESTABLISHED, ECONNRESET, true));
	play(&s, destroyed(&a, 2001, false));
	scene_rest(&s);
	assert_words(&s, 2);
	assert_outcome(ended(&s, 1), "reset");
	scene_close(&s);
}

static void test_stall_soon_after_late_answer_is_told(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, answered(&a, 1050, 2));
	play(&s, stalled(&a, 3000, 3));
	play(&s, closed(&a, 9000, WD_TCP_ESTABLISHED, 0, false));
	scene_rest(&s);
	assert_words(&s, 3);
	assert_outcome(ended(&s, 0), "answered-late");
	assert_outcome(interim(&s, 1), "stalled");
	assert_outcome(ended(&s, 2), "stalled");
	assert_int_equal(ended(&s, 2)->id, interim(&s, 1)->id);
	scene_close(&s);
}

/* Answered late, used, closed: no second word. */
static void test_late_answer_and_clean_end(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, answered(&a, 1050, 2));
	play(&s, closed(&a, 2000, WD_TCP_LAST_ACK, 0, false));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "answered-late");
	scene_close(&s);
}

/* A connection that was open before the trace began: no start, no owner. */
static void test_stall_of_an_unknown_connection(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_event e = stalled(&a, 2000, 3);
	struct scene s;

	(void)state;
	e.conn.start_ns = 0;
	e.conn.syn_sent = 0;
	e.conn.owner = (struct wd_owner){.netns = CLIENT_NETNS};
	scene_open(&s);
	play(&s, e);
	e.ts_ns = at(4000);
	e.conn.retransmits = 4;
	play(&s, e);
	scene_until(&s, 10000);
	assert_words(&s, 1);
	assert_outcome(interim(&s, 0), "stalled");
	assert_false(interim(&s, 0)->start_known);
	assert_int_equal(interim(&s, 0)->owner.pid, 0);
	scene_close(&s);
}

/* The server's socket tells of the stall: what it owns is not what the client owns. */
static void test_server_stall(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_event e = stalled(&a, 2000, 3);
	struct scene s;

	(void)state;
	e.conn.server = true;
	e.conn.sock = 0x9000;
	e.conn.start_ns = 0;
	e.conn.syn_sent = 0;
	e.conn.owner = (struct wd_owner){.netns = SERVER_NETNS};
	scene_open(&s);
	play(&s, e);
	scene_until(&s, 10000);
	assert_words(&s, 1);
	assert_outcome(interim(&s, 0), "stalled");
	assert_true(interim(&s, 0)->server_stall);
	assert_true(wd_tuple_equal(&interim(&s, 0)->tuple, &a.tuple));
	/* the namespace of an owner is the client's: that one is not known */
	assert_int_equal(interim(&s, 0)->owner.netns, 0);
	scene_close(&s);
}

/* Client and server of one connection on this node: one attempt, not two. */
static void test_stall_seen_from_both_sides(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_event e = stalled(&a, 2010, 3);
	struct scene s;

	(void)state;
	e.conn.server = true;
	e.conn.sock = 0x9000;
	e.conn.start_ns = 0;
	e.conn.owner = (struct wd_owner){.netns = SERVER_NETNS};
	scene_open(&s);
	play(&s, stalled(&a, 2000, 3));
	play(&s, e);
	scene_until(&s, 10000);
	assert_words(&s, 1);
	assert_int_equal(interim(&s, 0)->owner.pid, 4711);
	assert_int_equal(interim(&s, 0)->owner.netns, CLIENT_NETNS);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean_close_after_recovery_is_silent),
		cmocka_unit_test(test_reset_met),
		cmocka_unit_test(test_reset_never_noticed_is_silent),
		cmocka_unit_test(test_reset_after_fin_never_noticed_is_silent),
		cmocka_unit_test(test_reset_while_closing_is_silent),
		cmocka_unit_test(test_reset_without_destroy_is_told),
		cmocka_unit_test(test_stalled_then_closed),
		cmocka_unit_test(test_stalled_until_timeout),
		cmocka_unit_test(test_stall_told_then_reset_unread),
		cmocka_unit_test(test_answered_late),
		cmocka_unit_test(test_answered_after_interim),
		cmocka_unit_test(test_reset_soon_after_late_answer_is_told),
		cmocka_unit_test(test_stall_soon_after_late_answer_is_told),
		cmocka_unit_test(test_late_answer_and_clean_end),
		cmocka_unit_test(test_stall_of_an_unknown_connection),
		cmocka_unit_test(test_server_stall),
		cmocka_unit_test(test_stall_seen_from_both_sides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
