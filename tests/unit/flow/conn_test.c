/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one attempt, as its own socket tells it. */
#include "scene.h"

static void test_healthy_is_silent(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	/* a healthy connection leaves no record at all */
	scene_finish(&s, 60000);
	assert_words(&s, 0);
	scene_close(&s);
}

static void test_unanswered(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	scene_until(&s, 2900);
	assert_words(&s, 1);
	assert_said(&s, 0, 1000, 1250);
	assert_outcome(interim(&s, 0), "unanswered");
	assert_int_equal(interim(&s, 0)->syn_sent, 2);
	assert_int_equal(interim(&s, 0)->end_ns, 0);
	assert_false(interim(&s, 0)->closed);

	play(&s, syn_repeated(&a, 3000, 3));
	play(&s, syn_repeated(&a, 7000, 4));
	play(&s, gave_up(&a, 10000, 4, 0));
	scene_rest(&s);
	assert_words(&s, 2);
	assert_said(&s, 1, 10000, 10300);
	assert_outcome(ended(&s, 1), "unanswered");
	assert_int_equal(ended(&s, 1)->id, interim(&s, 0)->id);
	assert_int_equal(ended(&s, 1)->syn_sent, 4);
	assert_int_equal(ended(&s, 1)->start_ns, at(0));
	assert_int_equal(ended(&s, 1)->end_ns, at(10000));
	assert_int_equal(ended(&s, 1)->owner.pid, 4711);
	assert_int_equal(ended(&s, 1)->n_drops, 0);
	scene_close(&s);
}

static void test_unanswered_until_timeout(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, gave_up(&a, 127000, 7, ETIMEDOUT));
	play(&s, connect_says(&a, 127001, ETIMEDOUT));
	scene_rest(&s);
	assert_words(&s, 2);
	assert_outcome(ended(&s, 1), "unanswered");
	assert_int_equal(ended(&s, 1)->err, ETIMEDOUT);
	assert_int_equal(ended(&s, 1)->syn_sent, 7);
	scene_close(&s);
}

static void test_refused_by_rst(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	/* this node's TCP sends it, the client's receives it */
	play(&s, reset_sent(a.tuple, 0, true));
	play(&s, refused(&a, 1, true));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_said(&s, 0, 1, 300);
	assert_outcome(ended(&s, 0), "refused");
	assert_int_equal(ended(&s, 0)->err, ECONNREFUSED);
	assert_true(ended(&s, 0)->rst_received);
	assert_true(ended(&s, 0)->rst_local);
	assert_true(ended(&s, 0)->rst_no_socket);
	assert_int_equal(ended(&s, 0)->rst_netns, SERVER_NETNS);
	scene_close(&s);
}

static void test_refused_by_icmp(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, refused(&a, 1, false));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "refused");
	assert_false(ended(&s, 0)->rst_received);
	assert_false(ended(&s, 0)->rst_local);
	scene_close(&s);
}

static void test_unreachable(void **state)
{
	static const int errs[] = {EHOSTUNREACH, ENETUNREACH};

	(void)state;
	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
		struct attempt a = dial_service(0);
		struct scene s;

		scene_open(&s);
		play(&s, syn_repeated(&a, 1000, 2));
		play(&s, gave_up(&a, 3100, 3, errs[i]));
		scene_rest(&s);
		assert_words(&s, 2);
		assert_outcome(ended(&s, 1), "unreachable");
		assert_int_equal(ended(&s, 1)->err, errs[i]);
		scene_close(&s);
	}
}

/* Happy eyeballs and cancelled requests: not a failure of the network. */
static void test_given_up_at_once_is_silent(void **state)
{
	static const uint64_t after[] = {0, 5, 300, 900};

	(void)state;
	for (size_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		struct attempt a = dial_service(0);
		struct scene s;

		scene_open(&s);
		play(&s, gave_up(&a, after[i], 1, 0));
		scene_rest(&s);
		assert_words(&s, 0);
		scene_close(&s);
	}
}

static void test_given_up_with_drop_is_told(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_filtered(&a, 0));
	play(&s, gave_up(&a, 300, 1, 0));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "unanswered");
	assert_int_equal(ended(&s, 0)->n_drops, 1);
	assert_int_equal(ended(&s, 0)->syn_sent, 1);
	scene_close(&s);
}

static void test_given_up_with_drop_in_other_order(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	/* the drop's record comes from another CPU, after the end's */
	play(&s, gave_up(&a, 300, 1, 0));
	play(&s, syn_filtered(&a, 299));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "unanswered");
	assert_int_equal(ended(&s, 0)->n_drops, 1);
	scene_close(&s);
}

/* The whole second of a client with a timeout of one: no retransmission was seen. */
static void test_given_up_after_a_second_is_told(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, gave_up(&a, 1000, 1, 0));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "unanswered");
	scene_close(&s);
}

/* ICMPv6 says "administratively prohibited": EACCES at a socket whose SYN had left. */
static void test_prohibited_by_icmpv6(void **state)
{
	struct attempt a = dial("fd00:10::5", 40000, "fd00:96::1", 443, 0x1000, 0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, gave_up(&a, 5, 1, EACCES));
	play(&s, connect_says(&a, 6, EACCES));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "unreachable");
	assert_int_equal(ended(&s, 0)->err, EACCES);
	scene_close(&s);
}

static void test_connect_failed_before_any_packet(void **state)
{
	struct attempt a = dial("10.244.0.5", 0, "10.96.0.1", 443, 0x1000, 0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, connect_says(&a, 1, ENETUNREACH));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "failed");
	assert_true(ended(&s, 0)->connect_failed);
	assert_int_equal(ended(&s, 0)->err, ENETUNREACH);
	assert_int_equal(ended(&s, 0)->syn_sent, 0);
	assert_int_equal(ended(&s, 0)->owner.pid, 4711);
	scene_close(&s);
}

static void test_second_connect_only_fetches_the_error(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, refused(&a, 1, true));
	scene_until(&s, 1500);
	play(&s, connect_says(&a, 1500, ECONNREFUSED));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "refused");
	scene_close(&s);
}

static void test_blocking_connect_keeps_its_outcome(void **state)
{
	static const struct {
		int err;
		const char *outcome;
	} cases[] = {{ECONNREFUSED, "refused"},
	             {ETIMEDOUT, "unanswered"},
	             {EHOSTUNREACH, "unreachable"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct attempt a = dial_service(0);
		struct scene s;

		scene_open(&s);
		play(&s, gave_up(&a, 50, 1, cases[i].err));
		play(&s, connect_says(&a, 51, cases[i].err));
		scene_rest(&s);
		assert_words(&s, 1);
		assert_outcome(ended(&s, 0), cases[i].outcome);
		scene_close(&s);
	}
}

static void test_no_source_port(void **state)
{
	struct attempt a = dial("10.244.0.5", 0, "10.96.0.1", 443, 0x1000, 0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, gave_up(&a, 1, 1, 0));
	play(&s, connect_says(&a, 1, EADDRNOTAVAIL));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "failed");
	assert_int_equal(ended(&s, 0)->err, EADDRNOTAVAIL);
	assert_int_equal(ended(&s, 0)->end_state, WD_TCP_SYN_SENT);
	scene_close(&s);
}

/* Bound to a port that is taken: the socket has a source port, and yet no SYN left. */
static void test_bound_source_port_taken(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, gave_up(&a, 1, 1, 0));
	play(&s, connect_says(&a, 1, EADDRNOTAVAIL));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "failed");
	assert_int_equal(ended(&s, 0)->err, EADDRNOTAVAIL);
	scene_close(&s);
}

static void test_source_port_learned_late(void **state)
{
	struct attempt a = dial("10.244.0.5", 0, "10.96.0.1", 443, 0x1000, 0);
	struct wd_event first;
	struct scene s;

	(void)state;
	scene_open(&s);
	first = conn(&a, 1, WD_CONN_DROP);
	a.tuple.sport = 40000;
	play(&s, syn_filtered(&a, 0));
	play(&s, first);
	play(&s, syn_repeated(&a, 1000, 2));
	scene_until(&s, 2000);
	assert_words(&s, 1);
	assert_int_equal(interim(&s, 0)->tuple.sport, 40000);
	assert_int_equal(interim(&s, 0)->n_drops, 1);
	/* and later packets find it */
	play(&s, dropped(a.tuple, 3000, SYN, "NO_BUFFER", "dev_hard_start_xmit"));
	play(&s, gave_up(&a, 3500, 3, 0));
	scene_rest(&s);
	assert_words(&s, 2);
	assert_int_equal(ended(&s, 1)->n_drops, 2);
	scene_close(&s);
}

static void test_socket_address_reused(void **state)
{
	struct attempt a = dial_service(0), b = dial_service(200);
	struct scene s;

	(void)state;
	b.tuple.sport = 40002;
	scene_open(&s);
	play(&s, refused(&a, 1, true));
	play(&s, syn_repeated(&b, 1200, 2));
	play(&s, gave_up(&b, 2000, 2, 0));
	scene_rest(&s);
	assert_words(&s, 3);
	assert_outcome(ended(&s, 0), "refused");
	assert_outcome(interim(&s, 1), "unanswered");
	assert_outcome(ended(&s, 2), "unanswered");
	assert_int_not_equal(ended(&s, 0)->id, ended(&s, 2)->id);
	assert_int_equal(ended(&s, 2)->tuple.sport, 40002);
	assert_false(ended(&s, 2)->rst_received);
	assert_int_equal(ended(&s, 2)->err, 0);
	scene_close(&s);
}

/* connect(2) fails for the first address of a name; the socket is closed, the next one
 * gets its memory, and is not answered: the second must be told like any other. */
static void test_socket_reused_after_failed_connect(void **state)
{
	struct attempt a = dial("10.244.0.5", 0, "10.96.0.1", 443, 0x1000, 0);
	struct attempt b = dial("10.244.0.5", 40000, "10.96.0.2", 443, 0x1000, 10);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, connect_says(&a, 1, ENETUNREACH));
	play(&s, syn_repeated(&b, 1010, 2));
	play(&s, syn_repeated(&b, 3010, 3));
	play(&s, gave_up(&b, 4000, 3, 0));
	scene_rest(&s);
	assert_words(&s, 3);
	assert_outcome(ended(&s, 0), "failed");
	assert_outcome(ended(&s, 2), "unanswered");
	assert_memory_equal(&ended(&s, 2)->tuple.daddr, &b.tuple.daddr, 16);
	scene_close(&s);
}

/* The same within the time in which the first is not told yet. */
static void test_socket_reused_while_failed_connect_settles(void **state)
{
	struct attempt a = dial("10.244.0.5", 0, "10.96.0.1", 443, 0x1000, 0);
	struct attempt b = dial("10.244.0.5", 40000, "10.96.0.2", 443, 0x1000, 10);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, connect_says(&a, 1, ENETUNREACH));
	play(&s, refused(&b, 20, true));
	scene_rest(&s);
	assert_words(&s, 2);
	assert_outcome(ended(&s, 0), "failed");
	assert_memory_equal(&ended(&s, 0)->tuple.daddr, &a.tuple.daddr, 16);
	assert_int_equal(ended(&s, 0)->err, ENETUNREACH);
	assert_outcome(ended(&s, 1), "refused");
	assert_memory_equal(&ended(&s, 1)->tuple.daddr, &b.tuple.daddr, 16);
	scene_close(&s);
}

/* Two sockets after each other at the same place in memory, two targets without route. */
static void test_failed_connects_to_two_targets(void **state)
{
	struct attempt a = dial("10.244.0.5", 0, "10.96.0.1", 443, 0x1000, 0);
	struct attempt b = dial("10.244.0.5", 0, "10.96.0.2", 443, 0x1000, 0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, connect_says(&a, 1, ENETUNREACH));
	play(&s, connect_says(&b, 2000, ENETUNREACH));
	scene_rest(&s);
	assert_words(&s, 2);
	assert_memory_equal(&ended(&s, 0)->tuple.daddr, &a.tuple.daddr, 16);
	assert_memory_equal(&ended(&s, 1)->tuple.daddr, &b.tuple.daddr, 16);
	scene_close(&s);
}

/* A client gives up on one target; the next socket at that address fails at another. */
static void test_failed_connect_is_not_pinned_on_the_former_socket(void **state)
{
	struct attempt a = dial_service(0);
	struct attempt b = dial("10.244.0.5", 0, "10.96.0.2", 443, 0, 0);
	struct scene s;

	(void)state;
	b.sock = a.sock;
	scene_open(&s);
	play(&s, gave_up(&a, 300, 1, 0));
	play(&s, connect_says(&b, 310, ENETUNREACH));
	scene_rest(&s);
	assert_words(&s, 1);
	assert_outcome(ended(&s, 0), "failed");
	assert_memory_equal(&ended(&s, 0)->tuple.daddr, &b.tuple.daddr, 16);
	scene_close(&s);
}

/* Two attempts at once, one socket each: never mixed up. */
static void test_parallel_attempts(void **state)
{
	struct attempt a = dial_service(0), b = dial_service(100);
	struct scene s;

	(void)state;
	b.tuple.sport = 40002;
	b.sock = 0x2000;
	b.pid = 815;
	scene_open(&s);
	play(&s, syn_filtered(&a, 0));
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, syn_repeated(&b, 1100, 2));
	scene_until(&s, 2000);
	assert_words(&s, 2);
	assert_int_equal(interim(&s, 0)->owner.pid, 4711);
	assert_int_equal(interim(&s, 0)->n_drops, 1);
	assert_int_equal(interim(&s, 1)->owner.pid, 815);
	assert_int_equal(interim(&s, 1)->n_drops, 0);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_healthy_is_silent),
		cmocka_unit_test(test_unanswered),
		cmocka_unit_test(test_unanswered_until_timeout),
		cmocka_unit_test(test_refused_by_rst),
		cmocka_unit_test(test_refused_by_icmp),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_given_up_at_once_is_silent),
		cmocka_unit_test(test_given_up_with_drop_is_told),
		cmocka_unit_test(test_given_up_with_drop_in_other_order),
		cmocka_unit_test(test_given_up_after_a_second_is_told),
		cmocka_unit_test(test_prohibited_by_icmpv6),
		cmocka_unit_test(test_connect_failed_before_any_packet),
		cmocka_unit_test(test_second_connect_only_fetches_the_error),
		cmocka_unit_test(test_blocking_connect_keeps_its_outcome),
		cmocka_unit_test(test_no_source_port),
		cmocka_unit_test(test_bound_source_port_taken),
		cmocka_unit_test(test_source_port_learned_late),
		cmocka_unit_test(test_socket_address_reused),
		cmocka_unit_test(test_socket_reused_after_failed_connect),
		cmocka_unit_test(test_socket_reused_while_failed_connect_settles),
		cmocka_unit_test(test_failed_connects_to_two_targets),
		cmocka_unit_test(test_failed_connect_is_not_pinned_on_the_former_socket),
		cmocka_unit_test(test_parallel_attempts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
