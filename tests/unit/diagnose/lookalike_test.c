/* SPDX-License-Identifier: Apache-2.0 */
/* What looks like one cause and is another, and what a text must not claim. */
#include "asking.h"

/* The kernel below 5.17 gives no reason: a dropped SYN to a local pod was dropped still. */
static void test_drop_without_reason_to_a_local_backend(void **state)
{
	struct wd_finding f;

	(void)state;
	f = ask(tcp, timed_out, listens, unspecified_drop);
	assert_false(says(&f, "no drop was seen"));
	f = ask(tcp, timed_out, listens, nameless_drop);
	assert_false(says(&f, "no drop was seen"));
}

static void test_refused_with_a_drop_without_reason(void **state)
{
	struct wd_finding f = ask(tcp, refused, unspecified_drop);

	(void)state;
	assert_false(says(&f, "no drop on this node"));
	assert_false(says(&f, "beyond this node"));
}

/* ICMP instead of a pod of this very node: the filter cannot be beyond it. */
static void test_icmp_for_a_local_backend(void **state)
{
	struct wd_finding f = ask(tcp, refused, listens);

	(void)state;
	assert_false(says(&f, "beyond this node"));
}

/* A full queue dropped the first SYN, the second came through. */
static void test_late_because_of_the_accept_queue(void **state)
{
	struct wd_finding f = ask(tcp, late, listens, queue_drop, overflows_grew);

	(void)state;
	assert_false(says(&f, "not dropped on this node"));
	assert_cause(f, "backend-accept-queue-full");
}

/* The backend's RST is what the filter dropped (conntrack INVALID): not "beyond". */
static void test_filtered_rst_answer(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, filtered, is_rst_reply);

	(void)state;
	assert_int_not_equal(f.cause, WD_CAUSE_UPSTREAM_SILENT);
	assert_false(says(&f, "drops nothing"));
}

/* Somebody answered with ICMP, and this node dropped it. */
static void test_filtered_icmp_answer(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, filtered, is_icmp_error);

	(void)state;
	assert_int_not_equal(f.cause, WD_CAUSE_UPSTREAM_SILENT);
	assert_false(says(&f, "drops nothing"));
}

/* The first SYN met a rule, the second the backend, where nobody listens: the refusal is
 * not the filter's, and must not make it certain. */
static void test_refusal_of_the_backend_does_not_convict_the_filter(void **state)
{
	struct wd_finding f;
	struct situation s;

	(void)state;
	build(&s, (const step_fn[STEPS_MAX]){tcp, refused, rst_received, nobody_listens,
	                                     rst_no_socket, filtered});
	s.flow.syn_sent = 2;
	judge(&s, &arena, &f);
	assert_false(f.cause == WD_CAUSE_FILTER_DENIED && f.confidence == WD_CONFIDENCE_CERTAIN);
}

/* The answer found no way back: the route that is missing is the client's, not the
 * backend's. */
static void test_missing_route_of_the_answer(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, local_backend, no_route_drop, is_synack);

	(void)state;
	assert_false(says(&f, "no route to 10.244.1.20"));
	assert_non_null(strstr(f.summary, "10.244.0.5"));
}

static void test_missing_neighbour_of_the_answer(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, local_backend, neigh_drop, is_synack);

	(void)state;
	assert_false(says(&f, "next hop to payments/api-1"));
	assert_non_null(strstr(f.summary, "10.244.0.5"));
}

static void test_claims_no_route_knowledge_it_lacks(void **state)
{
	struct wd_finding f = ask(tcp, unreachable, node_route_unknown);

	(void)state;
	assert_false(says(&f, "this node has a route"));
}

/* A connection that this host aborted itself (ss -K, interface gone). */
static void test_aborted_here_is_not_reset_from_beyond(void **state)
{
	struct wd_finding f;
	struct situation s;

	(void)state;
	build(&s, (const step_fn[STEPS_MAX]){tcp, was_reset});
	s.flow.err = ECONNABORTED;
	s.flow.rst_received = false;
	judge(&s, &arena, &f);
	assert_false(says(&f, "RST received"));
	assert_false(says(&f, "from beyond"));
}

/* Where incoming RSTs are not seen, that none was seen says nothing about who reset it. */
static void test_reset_unseen_is_not_blamed_on_the_client(void **state)
{
	struct wd_finding f;
	struct situation s;

	(void)state;
	build(&s, (const step_fn[STEPS_MAX]){tcp, was_reset, no_reset_probe});
	s.flow.rst_received = false;
	judge(&s, &arena, &f);
	assert_false(says(&f, "own host"));
	assert_false(says(&f, "RST received"));
	assert_int_not_equal(f.confidence, WD_CONFIDENCE_CERTAIN);
}

/* ICMPv6 "administratively prohibited" answers a SYN: EACCES, but not from connect(2). */
static void test_error_that_came_by_icmp(void **state)
{
	static const int errs[] = {EACCES, ENOPROTOOPT, EPROTO};

	(void)state;
	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
		struct wd_finding f;
		struct situation s;

		tcp(&s);
		client_error(&s, errs[i], WD_OUTCOME_FAILED);
		s.flow.syn_sent = 1;
		judge(&s, &arena, &f);
		assert_false(says(&f, "before anything was sent"));
		assert_false(says(&f, "connect(2) failed"));
	}
}

static void test_udp_error_is_not_connects(void **state)
{
	static const int errs[] = {EMSGSIZE, EACCES, EPROTO};

	(void)state;
	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
		struct wd_finding f;
		struct situation s;

		udp(&s);
		s.flow.err = errs[i];
		s.flow.outcome = WD_OUTCOME_FAILED;
		judge(&s, &arena, &f);
		assert_false(says(&f, "connect(2)"));
	}
}

/* The socket's own record was lost: these errors come from the network all the same. */
static void test_connect_errors_that_need_an_answer(void **state)
{
	static const int errs[] = {ECONNREFUSED, ETIMEDOUT, ECONNRESET};

	(void)state;
	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
		struct wd_finding f;
		struct situation s;

		tcp(&s);
		connect_failed(&s, errs[i]);
		judge(&s, &arena, &f);
		assert_false(says(&f, "before anything was sent"));
	}
}

static void test_errors_of_connect_that_are_no_route(void **state)
{
	static const int errs[] = {EPERM, EACCES, EINVAL, ENOBUFS, EAFNOSUPPORT};

	(void)state;
	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
		struct wd_finding f;
		struct situation s;

		tcp(&s);
		connect_failed(&s, errs[i]);
		judge(&s, &arena, &f);
		assert_cause(f, "unknown");
		assert_int_equal(f.confidence, WD_CONFIDENCE_POSSIBLE);
	}
}

/* EADDRNOTAVAIL also says that an address to bind is not there. */
static void test_address_not_available_is_not_always_a_port(void **state)
{
	struct wd_finding f;
	struct situation s;

	(void)state;
	tcp(&s);
	connect_failed(&s, EADDRNOTAVAIL);
	judge(&s, &arena, &f);
	assert_cause(f, "unknown");
}

/* Two connections wait in a queue that has not overflowed during the attempt: a busy
 * server, not a full queue. */
static void test_busy_server_is_no_full_queue(void **state)
{
	struct wd_finding f;
	struct situation s;

	(void)state;
	build(&s, (const step_fn[STEPS_MAX]){tcp, timed_out, listens, queue_waits});
	s.facts.backend.overflows_known = true;
	judge(&s, &arena, &f);
	assert_int_not_equal(f.cause, WD_CAUSE_BACKEND_ACCEPT_QUEUE_FULL);

	s.flow.overflows_known = true;
	s.flow.overflows = s.facts.backend.overflows = 5; /* of last week */
	judge(&s, &arena, &f);
	assert_int_not_equal(f.confidence, WD_CONFIDENCE_CERTAIN);
}

static void test_small_or_acknowledged_data_is_no_mtu(void **state)
{
	struct wd_finding f;
	struct situation s;

	(void)state;
	f = ask(tcp, stalled);
	assert_cause(f, "connection-stalled");
	/* full-size segments have come through before */
	build(&s, (const step_fn[STEPS_MAX]){tcp, stalled, full_size});
	s.flow.bytes_acked = 100000;
	judge(&s, &arena, &f);
	assert_cause(f, "connection-stalled");
	/* nothing is known of the MSS */
	s.flow.mss = 0;
	s.flow.bytes_acked = 0;
	judge(&s, &arena, &f);
	assert_cause(f, "connection-stalled");
}

/* What happened to the opening SYN of a connection that opened explains no reset. */
static void test_old_drops_do_not_explain_an_established_one(void **state)
{
	struct wd_finding f;
	struct situation s;

	(void)state;
	build(&s, (const step_fn[STEPS_MAX]){tcp, stalled, filtered});
	s.flow.drops[0].d.tcp_flags = 2;
	judge(&s, &arena, &f);
	assert_cause(f, "connection-stalled");
	f = ask(tcp, was_reset, filtered);
	assert_cause(f, "connection-reset");
}

/* Of several drops the one that explains most is told, wherever it stands. */
static void test_the_best_drop_is_told(void **state)
{
	struct wd_finding f;

	(void)state;
	f = ask(tcp, timed_out, unspecified_drop, other_drop, filtered);
	assert_cause(f, "filter-denied");
	assert_string_equal(f.drop.reason, "NETFILTER_DROP");
	f = ask(tcp, timed_out, filtered, unspecified_drop, other_drop);
	assert_cause(f, "filter-denied");
	assert_string_equal(f.drop.function, "nf_hook_slow");
	assert_string_equal(f.drop.hook, "forward");
}

/* The kernel's word for a hook is told only where there was one. */
static void test_hook_only_of_netfilter(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, other_drop);

	(void)state;
	assert_true(f.drop.known);
	assert_null(f.drop.hook);
}

/* A netfilter drop at a hook that is not known must not be told to be at hook "unknown". */
static void test_unknown_hook_is_left_out(void **state)
{
	struct wd_finding f;
	struct situation s;

	(void)state;
	build(&s, (const step_fn[STEPS_MAX]){tcp, timed_out, filtered});
	s.flow.drops[0].d.hook = WD_HOOK_UNKNOWN;
	judge(&s, &arena, &f);
	assert_false(says(&f, "hook unknown"));
	assert_false(says(&f, ", hook unknown"));
}

/* It does listen, on another address of that namespace: "nothing listens" sends the reader
 * to a server that is up. */
static void test_listener_on_another_address_is_told(void **state)
{
	struct wd_finding f = ask(tcp, refused, rst_received, listens_elsewhere);

	(void)state;
	assert_cause(f, "backend-not-listening");
	assert_null(strstr(f.summary, "nothing listens"));
	assert_non_null(strstr(f.summary, "another address"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop_without_reason_to_a_local_backend),
		cmocka_unit_test(test_refused_with_a_drop_without_reason),
		cmocka_unit_test(test_icmp_for_a_local_backend),
		cmocka_unit_test(test_late_because_of_the_accept_queue),
		cmocka_unit_test(test_filtered_rst_answer),
		cmocka_unit_test(test_filtered_icmp_answer),
		cmocka_unit_test(test_refusal_of_the_backend_does_not_convict_the_filter),
		cmocka_unit_test(test_missing_route_of_the_answer),
		cmocka_unit_test(test_missing_neighbour_of_the_answer),
		cmocka_unit_test(test_claims_no_route_knowledge_it_lacks),
		cmocka_unit_test(test_aborted_here_is_not_reset_from_beyond),
		cmocka_unit_test(test_reset_unseen_is_not_blamed_on_the_client),
		cmocka_unit_test(test_error_that_came_by_icmp),
		cmocka_unit_test(test_udp_error_is_not_connects),
		cmocka_unit_test(test_connect_errors_that_need_an_answer),
		cmocka_unit_test(test_errors_of_connect_that_are_no_route),
		cmocka_unit_test(test_address_not_available_is_not_always_a_port),
		cmocka_unit_test(test_busy_server_is_no_full_queue),
		cmocka_unit_test(test_small_or_acknowledged_data_is_no_mtu),
		cmocka_unit_test(test_old_drops_do_not_explain_an_established_one),
		cmocka_unit_test(test_the_best_drop_is_told),
		cmocka_unit_test(test_hook_only_of_netfilter),
		cmocka_unit_test(test_unknown_hook_is_left_out),
		cmocka_unit_test(test_listener_on_another_address_is_told),
	};

	return cmocka_run_group_tests(tests, arena_open, arena_close);
}
