/* SPDX-License-Identifier: Apache-2.0 */
/* From packets to attempts: drops, NAT, resets, repeated answers. */
#include "scene.h"

/* ---- a drop and its connection ----------------------------------------------------------- */

static void test_drop_before_its_connection(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_filtered(&a, 0));
	play(&s, syn_repeated(&a, 1000, 2));
	scene_until(&s, 2000);
	assert_int_equal(only_word(&s)->n_drops, 1);
	assert_string_equal(only_word(&s)->drops[0].d.reason, "NETFILTER_DROP");
	assert_false(only_word(&s)->drops[0].reply);
	assert_false(only_word(&s)->has_backend);
	scene_close(&s);
}

static void test_drop_after_its_connection(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, conn(&a, 1, WD_CONN_DROP));
	play(&s, syn_filtered(&a, 0));
	scene_until(&s, 2000);
	assert_int_equal(only_word(&s)->n_drops, 1);
	assert_int_equal(wd_flow_drop_count(only_word(&s)), 1);
	scene_close(&s);
}

static void test_drop_counts_are_refreshed(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_flow *f;
	bool last;
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_filtered(&a, 0));
	play(&s, syn_repeated(&a, 1000, 2));
	f = wd_flow_table_due(s.t, at(1200), &last);
	assert_non_null(f);
	wd_flow_drop_update(f, 0, 2, at(1000));
	assert_int_equal(wd_flow_drop_count(f), 2);
	/* a count never goes back, whatever the kernel's table says */
	wd_flow_drop_update(f, 0, 1, at(1100));
	wd_flow_drop_update(f, WD_FLOW_DROPS_MAX, 99, at(1100));
	wd_flow_drop_update(f, 1, 99, at(1100));
	assert_int_equal(wd_flow_drop_count(f), 2);
	scene_close(&s);
}

/* The kernel's table forgot the key and begins anew: the total adds up. */
static void test_same_place_under_a_new_key(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_event first = syn_filtered(&a, 0), again = syn_filtered(&a, 1000);
	struct scene s;

	(void)state;
	first.drop.count = 3;
	scene_open(&s);
	play(&s, conn(&a, 0, WD_CONN_DROP));
	play(&s, first);
	play(&s, again);
	play(&s, again);
	scene_until(&s, 2000);
	assert_int_equal(only_word(&s)->n_drops, 1);
	assert_int_equal(only_word(&s)->drops[0].before, 4);
	assert_int_equal(wd_flow_drop_count(only_word(&s)), 5);
	scene_close(&s);
}

static void test_more_places_than_room(void **state)
{
	static const char *const devices[] = {"d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7"};
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, conn(&a, 0, WD_CONN_DROP));
	for (size_t i = 0; i < 8; i++) {
		struct wd_event e = syn_filtered(&a, 10 + i);

		strcpy(e.drop.device, devices[i]);
		e.drop.count = 2;
		play(&s, e);
	}
	scene_until(&s, 2000);
	assert_int_equal(only_word(&s)->n_drops, WD_FLOW_DROPS_MAX);
	assert_int_equal(only_word(&s)->drops_beyond, 4);
	assert_int_equal(wd_flow_drop_count(only_word(&s)), 16);
	scene_close(&s);
}

/* ---- NAT --------------------------------------------------------------------------------- */

static void test_dnat_by_conntrack(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple sent = tuple(WD_PROTO_TCP, "10.244.0.5", 40000, "10.244.1.20", 8443);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, with_ct(dropped(sent, 0, SYN, "NETFILTER_DROP", "nf_hook_slow"), a.tuple,
	                 wd_tuple_reverse(&sent)));
	play(&s, syn_repeated(&a, 1000, 2));
	scene_until(&s, 2000);
	assert_int_equal(only_word(&s)->n_drops, 1);
	assert_true(only_word(&s)->has_backend);
	assert_false(only_word(&s)->backend_inferred);
	assert_int_equal(only_word(&s)->backend_port, 8443);
	assert_memory_equal(&only_word(&s)->backend, &sent.daddr, 16);
	assert_true(wd_tuple_equal(&only_word(&s)->tuple, &a.tuple));
	scene_close(&s);
}

/* Masquerade changes the source and nothing else: there is no backend to tell of. */
static void test_masquerade_by_conntrack(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple sent = tuple(WD_PROTO_TCP, "192.0.2.7", 61000, "10.96.0.1", 443);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, with_ct(dropped(sent, 0, SYN, "NETFILTER_DROP", "nf_hook_slow"), a.tuple,
	                 wd_tuple_reverse(&sent)));
	play(&s, syn_repeated(&a, 1000, 2));
	scene_until(&s, 2000);
	assert_int_equal(only_word(&s)->n_drops, 1);
	assert_false(only_word(&s)->has_backend);
	/* its source is translated, but it still asks */
	assert_false(only_word(&s)->drops[0].reply);
	scene_close(&s);
}

/* Both at once, and it is the SYN-ACK that is dropped. */
static void test_reply_drop_with_conntrack(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple back = tuple(WD_PROTO_TCP, "10.244.1.20", 8443, "192.0.2.7", 61000);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, with_ct(dropped(back, 1, SYN_ACK, "IP_RPFILTER", "ip_rcv_finish_core"), a.tuple,
	                 back));
	play(&s, syn_repeated(&a, 1000, 2));
	scene_until(&s, 2000);
	assert_int_equal(only_word(&s)->n_drops, 1);
	assert_true(only_word(&s)->drops[0].reply);
	assert_true(only_word(&s)->has_backend);
	assert_int_equal(only_word(&s)->backend_port, 8443);
	scene_close(&s);
}

/* A request after DNAT and masquerade, both: neither address is the one that was dialled. */
static void test_request_translated_twice_is_no_reply(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple sent = tuple(WD_PROTO_TCP, "192.0.2.7", 61000, "10.244.1.20", 8443);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, with_ct(dropped(sent, 0, SYN, "NETFILTER_DROP", "nf_hook_slow"), a.tuple,
	                 wd_tuple_reverse(&sent)));
	play(&s, syn_repeated(&a, 1000, 2));
	scene_until(&s, 2000);
	assert_int_equal(only_word(&s)->n_drops, 1);
	assert_false(only_word(&s)->drops[0].reply);
	assert_true(only_word(&s)->has_backend);
	assert_int_equal(only_word(&s)->backend_port, 8443);
	scene_close(&s);
}

/* The answer to a client that has given up finds no socket: that is how it ends, and not
 * why. */
static void test_answer_after_giving_up_is_no_failure(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		struct attempt a = dial_service(0);
		struct wd_event drop = dropped(wd_tuple_reverse(&a.tuple), 300, SYN_ACK,
		                               "NO_SOCKET", "tcp_v4_rcv");
		struct scene s;

		scene_open(&s);
		play(&s, order ? drop : gave_up(&a, 300, 1, 0));
		play(&s, order ? gave_up(&a, 300, 1, 0) : drop);
		scene_until(&s, 1000);
		assert_words(&s, 0);
		scene_close(&s);
	}
}

static void test_reply_drop_without_conntrack(void **state)
{
	static const uint8_t flags[] = {SYN_ACK, ACK, RST_ACK};

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct attempt a = dial_service(0);
		struct scene s;

		scene_open(&s);
		play(&s, conn(&a, 0, WD_CONN_DROP));
		play(&s, dropped(wd_tuple_reverse(&a.tuple), 1, flags[i], "NETFILTER_DROP",
		                 "nf_hook_slow"));
		scene_until(&s, 2000);
		assert_int_equal(only_word(&s)->n_drops, 1);
		assert_true(only_word(&s)->drops[0].reply);
		assert_true(wd_tuple_equal(&only_word(&s)->tuple, &a.tuple));
		scene_close(&s);
	}
}

static void test_nat_inferred_by_the_clients_end(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple sent = tuple(WD_PROTO_TCP, "10.244.0.5", 40000, "10.244.1.20", 8443);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, dropped(sent, 0, SYN, "NEIGH_FAILED", "arp_error_report"));
	play(&s, syn_repeated(&a, 1000, 2));
	scene_until(&s, 2000);
	assert_true(only_word(&s)->has_backend);
	assert_true(only_word(&s)->backend_inferred);
	assert_int_equal(only_word(&s)->backend_port, 8443);
	assert_int_equal(only_word(&s)->n_drops, 1);
	scene_close(&s);
}

/* The same source port to two targets: the packet may be of either. */
static void test_nat_not_inferred_from_two_attempts(void **state)
{
	struct attempt a = dial("10.244.0.5", 40000, "10.96.0.1", 443, 0x1000, 0);
	struct attempt b = dial("10.244.0.5", 40000, "10.96.0.2", 443, 0x2000, 0);
	struct wd_tuple sent = tuple(WD_PROTO_TCP, "10.244.0.5", 40000, "10.244.1.20", 8443);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, syn_repeated(&b, 1001, 2));
	play(&s, dropped(sent, 1010, SYN, "NEIGH_FAILED", "arp_error_report"));
	scene_until(&s, 1900);
	assert_words(&s, 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_false(interim(&s, i)->has_backend);
		assert_int_equal(interim(&s, i)->n_drops, 0);
	}
	scene_close(&s);
}

/* What was guessed gives way to what conntrack knows: it is not translated at all. */
static void test_conntrack_corrects_an_inferred_backend(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple other = tuple(WD_PROTO_TCP, "10.244.0.5", 40000, "10.244.1.20", 8443);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, conn(&a, 0, WD_CONN_DROP));
	play(&s, dropped(other, 1, SYN, "NEIGH_FAILED", "arp_error_report"));
	play(&s, with_ct(syn_filtered(&a, 2), a.tuple, wd_tuple_reverse(&a.tuple)));
	scene_until(&s, 2000);
	assert_false(only_word(&s)->has_backend);
	scene_close(&s);
}

/* ---- whose drop? ------------------------------------------------------------------------- */

static void test_other_clients_drops_stay_theirs(void **state)
{
	struct attempt a = dial_service(0);
	struct attempt port = dial("10.244.0.5", 40001, "10.96.0.1", 443, 0, 0);
	struct attempt host = dial("10.244.0.6", 40000, "10.96.0.1", 443, 0, 0);
	struct wd_event udp = syn_filtered(&a, 3);
	struct scene s;

	(void)state;
	udp.tuple.proto = WD_PROTO_UDP;
	scene_open(&s);
	play(&s, conn(&a, 0, WD_CONN_DROP));
	play(&s, syn_filtered(&port, 1));
	play(&s, syn_filtered(&host, 2));
	play(&s, udp);
	play(&s, gave_up(&a, 900, 1, ETIMEDOUT));
	scene_until(&s, 1050);
	for (unsigned int i = 0; i < s.n_words; i++)
		if (s.words[i].flow.sock)
			assert_int_equal(s.words[i].flow.n_drops, 0);
	assert_true(s.n_words >= 1);
	scene_close(&s);
}

/* A drop of a healthy connection, long over, must not explain the next attempt that has
 * the same tuple. */
static void test_old_drops_are_not_the_new_attempts(void **state)
{
	struct attempt a = dial_service(60000);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, dropped(a.tuple, 59000, ACK, "SOCKET_BACKLOG", "tcp_v4_rcv"));
	play(&s, syn_repeated(&a, 61000, 2));
	scene_until(&s, 62000);
	assert_int_equal(only_word(&s)->n_drops, 0);
	scene_close(&s);
}

/* The same, but the client dials again at once from the same port: a packet that was
 * dropped before connect began cannot be of this connect. */
static void test_drop_just_before_connect_is_not_its(void **state)
{
	struct attempt a = dial_service(1000);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, dropped(a.tuple, 950, ACK, "SOCKET_BACKLOG", "tcp_v4_rcv"));
	play(&s, syn_repeated(&a, 2000, 2));
	scene_until(&s, 3000);
	assert_int_equal(only_word(&s)->n_drops, 0);
	scene_close(&s);
}

static void test_tuple_reused_after_a_drop(void **state)
{
	struct attempt a = dial_service(0), b = dial_service(3000);
	struct scene s;

	(void)state;
	b.sock = 0x2000;
	scene_open(&s);
	play(&s, syn_filtered(&a, 0));
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, gave_up(&a, 2000, 2, 0));
	play(&s, syn_repeated(&b, 4000, 2));
	play(&s, gave_up(&b, 5000, 2, 0));
	scene_rest(&s);
	assert_words(&s, 4);
	assert_int_equal(ended(&s, 1)->n_drops, 1);
	assert_int_equal(ended(&s, 3)->n_drops, 0);
	assert_int_not_equal(ended(&s, 1)->id, ended(&s, 3)->id);
	scene_close(&s);
}

/* A drop of the new attempt, while the old one of the same tuple lingers. */
static void test_tuple_reused_and_dropped_again(void **state)
{
	struct attempt a = dial_service(0), b = dial_service(3000);
	struct scene s;

	(void)state;
	b.sock = 0x2000;
	scene_open(&s);
	play(&s, refused(&a, 1, true));
	play(&s, syn_filtered(&b, 3000));
	play(&s, syn_repeated(&b, 4000, 2));
	scene_until(&s, 4900);
	assert_words(&s, 2);
	assert_int_equal(ended(&s, 0)->n_drops, 0);
	assert_int_equal(interim(&s, 1)->n_drops, 1);
	scene_close(&s);
}

/* Nobody saw connect begin, so nothing says that the drop is older than the attempt. */
static void test_drop_of_an_attempt_without_start(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_event e = syn_repeated(&a, 1000, 0);
	struct scene s;

	(void)state;
	e.conn.start_ns = 0;
	scene_open(&s);
	play(&s, syn_filtered(&a, 0));
	play(&s, e);
	scene_until(&s, 3000);
	assert_int_equal(only_word(&s)->n_drops, 1);
	scene_close(&s);
}

/* ---- clients elsewhere ------------------------------------------------------------------- */

static void test_unknown_client_is_promoted(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_filtered(&a, 0));
	scene_until(&s, 900);
	assert_words(&s, 0);
	scene_until(&s, 2000);
	assert_outcome(interim(&s, 0), "unanswered");
	assert_int_equal(interim(&s, 0)->owner.pid, 0);
	assert_int_equal(interim(&s, 0)->n_drops, 1);
	assert_int_equal(interim(&s, 0)->start_ns, at(0));
	scene_rest(&s);
	assert_words(&s, 2);
	assert_int_equal(ended(&s, 1)->id, interim(&s, 0)->id);
	scene_close(&s);
}

/* Neither data of somebody's connection nor an ICMP error is an attempt. */
static void test_only_a_syn_is_an_attempt(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_event icmp = syn_filtered(&a, 3);
	struct scene s;

	(void)state;
	icmp.drop.icmp_error = true;
	scene_open(&s);
	play(&s, dropped(a.tuple, 0, ACK, "NETFILTER_DROP", "nf_hook_slow"));
	play(&s, dropped(a.tuple, 1, RST_ACK, "NETFILTER_DROP", "nf_hook_slow"));
	play(&s, dropped(a.tuple, 2, SYN | 0x04, "NETFILTER_DROP", "nf_hook_slow"));
	play(&s, icmp);
	scene_finish(&s, 10000);
	scene_rest(&s);
	assert_words(&s, 0);
	scene_close(&s);
}

/* What was promoted gets its owner when the socket speaks at last, and stays one attempt:
 * a second one would have no drop, and blame the network beyond the node. */
static void test_promoted_attempt_gets_its_owner(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_filtered(&a, 0));
	play(&s, syn_repeated(&a, 1150, 2));
	play(&s, syn_repeated(&a, 3150, 3));
	play(&s, gave_up(&a, 4000, 3, 0));
	scene_rest(&s);
	assert_words(&s, 2);
	assert_int_equal(ended(&s, 1)->id, interim(&s, 0)->id);
	assert_int_equal(ended(&s, 1)->owner.pid, 4711);
	assert_int_equal(ended(&s, 1)->n_drops, 1);
	assert_int_equal(ended(&s, 1)->syn_sent, 3);
	scene_close(&s);
}

/* ---- resets and repeated answers --------------------------------------------------------- */

static void test_reset_of_the_backend_after_nat(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple sent = tuple(WD_PROTO_TCP, "10.244.0.5", 40000, "10.244.1.20", 8443);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, reset_sent(sent, 0, true));
	play(&s, refused(&a, 1, true));
	scene_rest(&s);
	assert_true(only_word(&s)->rst_local);
	assert_true(only_word(&s)->rst_no_socket);
	assert_true(only_word(&s)->has_backend);
	assert_true(only_word(&s)->backend_inferred);
	scene_close(&s);
}

/* On a busy node softirqs wait: it takes most of a second to whoever dialled. */
static void test_reset_of_the_backend_that_is_slow(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple sent = tuple(WD_PROTO_TCP, "10.244.0.5", 40000, "10.244.1.20", 8443);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, reset_sent(sent, 0, true));
	play(&s, refused(&a, 700, true));
	scene_rest(&s);
	assert_true(only_word(&s)->rst_no_socket);
	assert_true(only_word(&s)->has_backend);
	assert_int_equal(only_word(&s)->backend_port, 8443);
	scene_close(&s);
}

static void test_late_reset_is_not_the_next_attempts(void **state)
{
	struct attempt b = dial_service(2000);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, reset_sent(b.tuple, 500, true));
	play(&s, refused(&b, 2001, true));
	scene_rest(&s);
	assert_false(only_word(&s)->rst_local);
	scene_close(&s);
}

static void test_synack_repeated(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, synack_repeated(a.tuple, 1010));
	play(&s, synack_repeated(a.tuple, 3010));
	play(&s, gave_up(&a, 4000, 3, 0));
	scene_rest(&s);
	assert_words(&s, 2);
	assert_int_equal(ended(&s, 1)->synack_retrans, 2);
	assert_int_equal(ended(&s, 1)->synack_netns, SERVER_NETNS);
	assert_false(ended(&s, 1)->rst_local);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop_before_its_connection),
		cmocka_unit_test(test_drop_after_its_connection),
		cmocka_unit_test(test_drop_counts_are_refreshed),
		cmocka_unit_test(test_same_place_under_a_new_key),
		cmocka_unit_test(test_more_places_than_room),
		cmocka_unit_test(test_dnat_by_conntrack),
		cmocka_unit_test(test_masquerade_by_conntrack),
		cmocka_unit_test(test_reply_drop_with_conntrack),
		cmocka_unit_test(test_request_translated_twice_is_no_reply),
		cmocka_unit_test(test_answer_after_giving_up_is_no_failure),
		cmocka_unit_test(test_reply_drop_without_conntrack),
		cmocka_unit_test(test_nat_inferred_by_the_clients_end),
		cmocka_unit_test(test_nat_not_inferred_from_two_attempts),
		cmocka_unit_test(test_conntrack_corrects_an_inferred_backend),
		cmocka_unit_test(test_other_clients_drops_stay_theirs),
		cmocka_unit_test(test_old_drops_are_not_the_new_attempts),
		cmocka_unit_test(test_drop_just_before_connect_is_not_its),
		cmocka_unit_test(test_tuple_reused_after_a_drop),
		cmocka_unit_test(test_tuple_reused_and_dropped_again),
		cmocka_unit_test(test_drop_of_an_attempt_without_start),
		cmocka_unit_test(test_unknown_client_is_promoted),
		cmocka_unit_test(test_only_a_syn_is_an_attempt),
		cmocka_unit_test(test_promoted_attempt_gets_its_owner),
		cmocka_unit_test(test_reset_of_the_backend_after_nat),
		cmocka_unit_test(test_reset_of_the_backend_that_is_slow),
		cmocka_unit_test(test_late_reset_is_not_the_next_attempts),
		cmocka_unit_test(test_synack_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
