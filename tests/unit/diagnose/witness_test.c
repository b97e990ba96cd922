/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts, ICMP errors of this node, full listeners: what they prove, and how each could
 * lead astray. */
#include "asking.h"

#define assert_sure(f, c) assert_string_equal(wd_confidence_id((f).confidence), c)

static bool misses(const struct wd_finding *f, const char *probe)
{
	for (unsigned int i = 0; i < f->n_missing_probes; i++)
		if (strcmp(f->missing_probes[i], probe) == 0)
			return true;
	return false;
}

/* Another verdict than the one that the situation has. */
static struct wd_finding ask_but(const step_fn *steps, void (*change)(struct situation *s))
{
	struct situation s;
	struct wd_finding f;

	build(&s, steps);
	change(&s);
	judge(&s, &arena, &f);
	return f;
}

#define ask_changed(change, ...) ask_but((const step_fn[STEPS_MAX]){__VA_ARGS__}, change)

/* ---- the verdict of a table -------------------------------------------------------------- */

static void test_table_and_chain_are_named(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, filtered, by_nft);

	(void)state;
	assert_cause(f, "filter-denied");
	assert_sure(f, "certain");
	assert_true(f.rule.known);
	assert_string_equal(f.rule.tool, "nft");
	assert_string_equal(f.rule.family, "ip");
	assert_string_equal(f.rule.table, "filter");
	assert_string_equal(f.rule.chain, "KUBE-FORWARD");
	assert_true(says(&f, "chain KUBE-FORWARD of table ip filter (nf_tables) says drop"));
	assert_true(says(&f, "nft list chain ip filter KUBE-FORWARD"));

	f = ask(tcp, timed_out, filtered, by_legacy);
	assert_string_equal(f.rule.tool, "iptables-legacy");
	assert_string_equal(f.rule.chain, "FORWARD");
	assert_true(says(&f, "chain FORWARD of table filter (iptables-legacy) says drop"));
	assert_true(says(&f, "iptables-legacy -vnL FORWARD -t filter"));
	assert_false(says(&f, "nft"));
}

static void is_ip6(struct situation *s)
{
	s->flow.verdict.family = "ip6";
}

static void test_ip6_has_its_own_command(void **state)
{
	struct wd_finding f = ask_changed(is_ip6, tcp, timed_out, filtered, by_legacy);

	(void)state;
	assert_true(says(&f, "ip6tables-legacy -vnL FORWARD -t filter"));
	f = ask_changed(is_ip6, tcp, timed_out, filtered, by_nft);
	assert_true(says(&f, "nft list chain ip6 filter KUBE-FORWARD"));
}

static void no_names(struct situation *s)
{
	s->flow.verdict.table = s->flow.verdict.chain = s->flow.verdict.family = NULL;
}

/* The names found no room: the tool is known still. */
static void test_names_unknown(void **state)
{
	struct wd_finding f = ask_changed(no_names, tcp, timed_out, filtered, by_nft);

	(void)state;
	assert_cause(f, "filter-denied");
	assert_sure(f, "certain");
	assert_true(f.rule.known);
	assert_null(f.rule.table);
	assert_true(says(&f, "a table of nf_tables says drop"));
	assert_true(says(&f, "nft list ruleset"));
}

/* Names of chains are whatever somebody in a pod chose. What is suggested as a command is
 * pasted into a shell of root. */
static const char *evil;

static void evil_chain(struct situation *s)
{
	s->flow.verdict.chain = evil;
}

static void evil_table(struct situation *s)
{
	s->flow.verdict.table = evil;
}

static void test_no_command_is_made_of_hostile_names(void **state)
{
	static const char *const names[] = {"x; reboot",  "$(reboot)", "`reboot`", "a b",
	                                    "x|reboot",   "x\nreboot", "-f",       "x&reboot",
	                                    "x>/etc/foo", "'",         "\"",       "\\",
	                                    "*",          "~root",     "{a,b}",    "#x"};
	static const step_fn by[] = {by_nft, by_legacy};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t k = 0; k < 4; k++) {
			struct wd_finding f;

			evil = names[i];
			f = ask_changed(k < 2 ? evil_chain : evil_table, tcp, timed_out, filtered,
			                by[k % 2]);
			assert_cause(f, "filter-denied");
			/* it is told, as a name */
			assert_string_equal(k < 2 ? f.rule.chain : f.rule.table, evil);
			for (unsigned int n = 0; n < f.n_next; n++)
				if (strlen(evil) > 1)
					assert_null(strstr(f.next[n], evil));
			assert_false(says(&f, "-vnL"));
			assert_false(says(&f, "nft list chain"));
		}
	}
}

static void elsewhere(struct situation *s)
{
	s->flow.verdict.netns = 4026532999u;
}

static void of_the_answer(struct situation *s)
{
	s->flow.verdict.reply = true;
}

static void nobody_decided(struct situation *s)
{
	s->flow.verdict.by = WD_BY_UNKNOWN;
}

/* The drop is one thing, the verdict is about another: nothing is proved by it. */
static void test_verdict_of_something_else(void **state)
{
	void (*const changes[])(struct situation *) = {elsewhere, of_the_answer, nobody_decided};
	static const step_fn by[] = {by_nft, by_legacy, by_no_table};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < 3; k++) {
			struct wd_finding f =
				ask_changed(changes[i], tcp, timed_out, filtered, by[k]);

			assert_cause(f, "filter-denied");
			assert_sure(f, "likely");
			assert_false(f.rule.known);
			assert_false(says(&f, "KUBE-FORWARD"));
			assert_false(says(&f, "no rule does"));
			assert_false(says(&f, "says drop"));
		}
	}
}

static void place_unknown(struct situation *s)
{
	s->flow.verdict.netns = 0;
}

static void test_verdict_at_an_unknown_place(void **state)
{
	struct wd_finding f = ask_changed(place_unknown, tcp, timed_out, filtered, by_nft);

	(void)state;
	assert_sure(f, "certain");
	assert_true(f.rule.known);
}

/* A packet that netfilter did not drop has no rule to blame. */
static void test_verdict_beside_another_drop(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, rp_filtered, by_nft);

	(void)state;
	assert_cause(f, "reverse-path-filter");
	assert_sure(f, "likely");
	assert_false(f.rule.known);
	f = ask(tcp, timed_out, neigh_drop, by_no_table);
	assert_cause(f, "backend-unreachable");
}

/* The table's own verdict, and no drop that was delivered: it cannot be "beyond this node". */
static void drop_unseen(struct situation *s)
{
	s->flow.n_drops = 0;
}

static void test_verdict_without_its_drop(void **state)
{
	struct wd_finding f = ask_changed(drop_unseen, tcp, timed_out, filtered, by_nft);

	(void)state;
	assert_int_not_equal(f.cause, WD_CAUSE_UPSTREAM_SILENT);
	assert_int_not_equal(f.confidence, WD_CONFIDENCE_CERTAIN);
	assert_false(says(&f, "drops nothing"));
	assert_false(says(&f, "beyond this node"));
	f = ask_changed(drop_unseen, tcp, refused, filtered, by_nft);
	assert_false(says(&f, "beyond this node"));
	f = ask_changed(drop_unseen, tcp, timed_out, local_backend, filtered, by_nft);
	assert_false(says(&f, "no drop was seen"));
}

/* Where the drop happened is deduced; the verdict knows. One answer tells one hook. */
static void in_postrouting(struct situation *s)
{
	s->flow.verdict.hook = WD_HOOK_POSTROUTING;
}

static void test_hook_of_the_verdict(void **state)
{
	struct wd_finding f = ask_changed(in_postrouting, tcp, timed_out, filtered, by_nft);

	(void)state;
	assert_string_equal(f.drop.hook, "postrouting");
	assert_true(says(&f, "hook postrouting"));
	assert_false(says(&f, "hook forward"));
}

static void hook_unknown(struct situation *s)
{
	s->flow.verdict.hook = WD_HOOK_UNKNOWN;
}

static void test_hook_unknown_to_the_verdict(void **state)
{
	struct wd_finding f = ask_changed(hook_unknown, tcp, timed_out, filtered, by_nft);

	(void)state;
	assert_string_equal(f.drop.hook, "forward");
	assert_false(says(&f, "hook unknown"));
}

/* conntrack's counter grew, but a rule in POSTROUTING was seen to drop this packet. */
static void test_rule_is_no_port_exhaustion(void **state)
{
	struct wd_finding f;

	(void)state;
	f = ask(tcp, timed_out, filtered, behind_postrouting, insert_failed, by_nft);
	assert_cause(f, "filter-denied");
	assert_sure(f, "certain");
	f = ask(tcp, timed_out, filtered, behind_postrouting, insert_failed, by_legacy);
	assert_cause(f, "filter-denied");
	/* that none did is what exhaustion looks like */
	f = ask(tcp, timed_out, filtered, behind_postrouting, insert_failed, by_no_table);
	assert_cause(f, "snat-ports-exhausted");
}

/* A rule that dropped the first SYN does not explain a refusal by the backend itself. */
static void test_refused_by_the_backend_all_the_same(void **state)
{
	struct wd_finding f;
	struct situation s;

	(void)state;
	build(&s, (const step_fn[STEPS_MAX]){tcp, refused, rst_received, nobody_listens,
	                                     rst_no_socket, filtered, by_nft});
	s.flow.syn_sent = 2;
	judge(&s, &arena, &f);
	assert_false(f.cause == WD_CAUSE_FILTER_DENIED && f.confidence == WD_CONFIDENCE_CERTAIN);
}

/* ---- netfilter, but no table ------------------------------------------------------------- */

static void test_no_table_did(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, filtered, by_no_table);

	(void)state;
	assert_cause(f, "kernel-drop");
	assert_true(says(&f, "no rule does"));
	assert_true(says(&f, "conntrack -S"));
	assert_false(f.rule.known);
	assert_false(says(&f, "nft list"));
	/* a REJECT would have been a table's */
	f = ask(tcp, timed_out, filtered, one_of_three, by_no_table);
	assert_cause(f, "kernel-drop");
	assert_sure(f, "possible");
}

static void on_a_bridge(struct situation *s)
{
	s->flow.verdict.family = "bridge";
}

/* Tables of ebtables-legacy have no probe: on a bridge "no rule does" is not known. */
static void test_no_table_that_was_watched(void **state)
{
	struct wd_finding f = ask_changed(on_a_bridge, tcp, timed_out, filtered, by_no_table);

	(void)state;
	assert_false(says(&f, "no rule does"));
	assert_false(says(&f, "every table"));
	assert_cause(f, "filter-denied");
	assert_sure(f, "likely");
}

/* ---- ICMP errors of this node ------------------------------------------------------------ */

static void test_refused_by_this_node(void **state)
{
	struct wd_finding f = ask(tcp, refused, sent_port_unreachable);

	(void)state;
	assert_cause(f, "filter-denied");
	assert_sure(f, "certain");
	assert_true(says(&f, "a filter in the node answered with ICMP"));
	assert_true(says(&f, "type 3 code 3"));
	assert_false(says(&f, "beyond this node"));
}

static void icmp_of_the_answer(struct situation *s)
{
	s->flow.icmp_sent.reply = true;
}

static void icmp_in_a_pod(struct situation *s)
{
	s->in.icmp_netns = "shop/cart-0";
}

static void icmp_somewhere(struct situation *s)
{
	s->in.icmp_netns = NULL;
}

static void test_where_icmp_was_sent(void **state)
{
	struct wd_finding f = ask_changed(icmp_in_a_pod, tcp, refused, sent_port_unreachable);

	(void)state;
	assert_true(says(&f, "a filter in pod shop/cart-0"));
	f = ask_changed(icmp_somewhere, tcp, refused, sent_port_unreachable);
	assert_true(says(&f, "a filter in this node"));
	assert_false(says(&f, "(null)"));
}

/* It answered a packet of the server: that is not what the client met. */
static void test_icmp_to_the_server(void **state)
{
	struct wd_finding f = ask_changed(icmp_of_the_answer, tcp, refused, sent_port_unreachable);

	(void)state;
	assert_int_not_equal(f.confidence, WD_CONFIDENCE_CERTAIN);
	assert_false(says(&f, "a filter in the node"));
	f = ask_changed(icmp_of_the_answer, tcp, unreachable, sent_host_unreachable);
	assert_false(says(&f, "itself says"));
}

static void sent_too_big(struct situation *s)
{
	icmp_sent(s, 3, 4);
}

static void sent_ttl_exceeded(struct situation *s)
{
	icmp_sent(s, 11, 0);
}

/* Only port unreachable makes ECONNREFUSED (net/ipv4/icmp.c, icmp_err_convert[]): another
 * error of this node is not the one that the client met. */
static void test_another_error_than_the_client_met(void **state)
{
	static const step_fn other[] = {sent_too_big, sent_host_unreachable, sent_prohibited,
	                                sent_ttl_exceeded};
	static const step_fn no_refusal[] = {sent_too_big, sent_port_unreachable};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct wd_finding f = ask(tcp, refused, other[i]);

		assert_sure(f, "likely");
		assert_false(says(&f, "a filter in the node answered"));
	}
	for (size_t i = 0; i < 2; i++) {
		struct wd_finding f = ask(tcp, unreachable, no_refusal[i]);

		assert_false(says(&f, "itself says"));
	}
}

static void over_ipv6(struct situation *s)
{
	s->flow.tuple.saddr = addr("fd00:10::5");
	s->flow.tuple.daddr = addr("fd00:96::1");
	s->flow.icmp_sent.v6 = true;
}

static void six_port_unreachable(struct situation *s)
{
	icmp_sent(s, 1, 4);
}

static void six_no_route(struct situation *s)
{
	icmp_sent(s, 1, 0);
}

static void test_icmpv6(void **state)
{
	struct wd_finding f = ask_changed(over_ipv6, tcp, refused, six_port_unreachable);

	(void)state;
	assert_cause(f, "filter-denied");
	assert_sure(f, "certain");
	assert_true(says(&f, "ICMPv6 type 1 code 4"));
	f = ask_changed(over_ipv6, tcp, refused, six_no_route);
	assert_int_not_equal(f.confidence, WD_CONFIDENCE_CERTAIN);
	f = ask_changed(over_ipv6, tcp, unreachable, six_no_route);
	assert_true(says(&f, "itself says"));
}

static void test_unreachable_by_this_node(void **state)
{
	struct wd_finding f = ask(tcp, unreachable, sent_host_unreachable);

	(void)state;
	assert_cause(f, "backend-unreachable");
	assert_sure(f, "likely");
	assert_true(says(&f, "the node itself says that"));
	assert_false(says(&f, "beyond it"));
	/* the route says why: that is the better answer */
	f = ask(tcp, unreachable, sent_host_unreachable, node_has_no_route);
	assert_sure(f, "certain");
	assert_true(says(&f, "no usable route"));
	f = ask(tcp, unreachable, sent_host_unreachable, neigh_silent);
	assert_true(says(&f, "next hop"));
}

/* What only a filter says is not told as a network that is broken. */
static void test_prohibited_by_this_node(void **state)
{
	struct wd_finding f = ask(tcp, unreachable, sent_prohibited);

	(void)state;
	assert_cause(f, "filter-denied");
	assert_sure(f, "likely");
	assert_true(says(&f, "a filter in the node answered"));
	/* a route may be of type prohibit: then it is the route's */
	f = ask(tcp, unreachable, sent_prohibited, node_rejects);
	assert_cause(f, "backend-unreachable");
	f = ask_changed(icmp_of_the_answer, tcp, unreachable, sent_prohibited);
	assert_cause(f, "backend-unreachable");
}

/* RST is the answer of a host: an ICMP error besides does not turn it into a filter's. */
static void test_icmp_beside_rst(void **state)
{
	struct wd_finding f = ask(tcp, refused, rst_received, nobody_listens, rst_no_socket,
	                          sent_port_unreachable);

	(void)state;
	assert_cause(f, "backend-not-listening");
}

/* A datagram without listener is refused by the kernel itself, with the same ICMP error. */
static void test_datagram_refused_here(void **state)
{
	struct wd_finding f = ask(udp, refused, nobody_listens, sent_port_unreachable);

	(void)state;
	assert_cause(f, "backend-not-listening");
}

/* An error that was sent does not end an attempt that stays unanswered. */
static void test_icmp_of_an_unanswered_attempt(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, sent_host_unreachable);

	(void)state;
	assert_int_not_equal(f.confidence, WD_CONFIDENCE_CERTAIN);
	assert_true(says(&f, "type 3 code 1"));
}

/* ---- full listeners ---------------------------------------------------------------------- */

static void test_listener_full(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, local_backend, listener_full);

	(void)state;
	assert_cause(f, "backend-accept-queue-full");
	assert_sure(f, "likely");
	assert_true(says(&f, "129 connections wait for accept(2), 128 may"));
	f = ask(tcp, timed_out, listens, listener_full, overflows_grew);
	assert_sure(f, "certain");
	f = ask(tcp, timed_out, listens, listener_full, queue_waits);
	assert_sure(f, "certain");
}

static void last_week(struct situation *s)
{
	s->flow.overflows_known = true;
	s->flow.overflows = s->facts.backend.overflows;
}

/* What overflowed before this attempt is no second witness of it. */
static void test_counter_that_stands_still(void **state)
{
	struct wd_finding f =
		ask_changed(last_week, tcp, timed_out, listens, listener_full, overflows_grew);

	(void)state;
	assert_cause(f, "backend-accept-queue-full");
	assert_sure(f, "likely");
	assert_false(says(&f, "grew during this attempt"));
}

static void met_by_ack(struct situation *s)
{
	s->flow.listen_full.kind = WD_LISTEN_ACCEPT_ACK;
	s->flow.bytes_acked = 1;
	s->flow.bytes_received = 0;
}

static void acknowledged_before(struct situation *s)
{
	met_by_ack(s);
	s->flow.bytes_acked = 5000;
}

/* The client holds it for open, its data is never acknowledged: the server has forgotten it. */
static void test_open_for_the_client_only(void **state)
{
	struct wd_finding f = ask_changed(met_by_ack, tcp, stalled, listens, listener_full);

	(void)state;
	assert_cause(f, "backend-accept-queue-full");
	assert_sure(f, "likely");
	/* but once it was accepted, a full queue is history */
	f = ask_changed(acknowledged_before, tcp, stalled, listens, listener_full);
	assert_cause(f, "connection-stalled");
	f = ask(tcp, stalled, listens);
	assert_cause(f, "connection-stalled");
}

/* Only some SYNs reached the listener: what a filter dropped comes first. */
static void test_filtered_before_the_listener(void **state)
{
	struct wd_finding f = ask(tcp, timed_out, listens, listener_full, filtered, by_nft);

	(void)state;
	assert_cause(f, "filter-denied");
}

/* It had no room for one SYN, then answered with RST: that is another thing. */
static void test_full_and_refused(void **state)
{
	struct wd_finding f =
		ask(tcp, refused, rst_received, nobody_listens, rst_no_socket, listener_full);

	(void)state;
	assert_cause(f, "backend-not-listening");
}

/* ---- blind ------------------------------------------------------------------------------- */

static void both_blind(struct situation *s)
{
	s->in.blind_verdicts = "nf_hook_slow";
	s->in.blind_listen = "tcp_conn_request";
}

/* A probe is missed only where it would have told more. */
static void test_missed_only_where_it_matters(void **state)
{
	struct wd_finding f = ask_changed(both_blind, tcp, timed_out, filtered);

	(void)state;
	assert_true(misses(&f, "nf_hook_slow"));
	assert_false(misses(&f, "tcp_conn_request"));
	/* its verdict was seen */
	f = ask_changed(both_blind, tcp, timed_out, filtered, by_nft);
	assert_false(misses(&f, "nf_hook_slow"));
	f = ask_changed(both_blind, tcp, timed_out, filtered, by_no_table);
	assert_false(misses(&f, "nf_hook_slow"));
	/* no packet was dropped here: who would be asked? */
	f = ask_changed(both_blind, tcp, refused);
	assert_cause(f, "filter-denied");
	assert_false(misses(&f, "nf_hook_slow"));

	f = ask_changed(both_blind, tcp, timed_out, listens, queue_drop);
	assert_cause(f, "backend-accept-queue-full");
	assert_true(misses(&f, "tcp_conn_request"));
	assert_false(misses(&f, "nf_hook_slow"));
	f = ask_changed(both_blind, tcp, timed_out, listens, listener_full);
	assert_false(misses(&f, "tcp_conn_request"));

	f = ask_changed(both_blind, tcp, timed_out);
	assert_int_equal(f.n_missing_probes, 0);
	f = ask_changed(both_blind, tcp, timed_out, neigh_drop);
	assert_int_equal(f.n_missing_probes, 0);
	f = ask_changed(both_blind, tcp, was_reset);
	assert_int_equal(f.n_missing_probes, 0);
}

static void blind_all_over(struct situation *s)
{
	both_blind(s);
	s->in.n_missing_probes = WD_FINDING_MISSING_MAX;
	for (unsigned int i = 0; i < WD_FINDING_MISSING_MAX; i++)
		s->in.missing_probes[i] = "x";
}

static void test_more_is_missing_than_there_is_room(void **state)
{
	struct wd_finding f = ask_changed(blind_all_over, tcp, timed_out, filtered);

	(void)state;
	assert_int_equal(f.n_missing_probes, WD_FINDING_MISSING_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_and_chain_are_named),
		cmocka_unit_test(test_ip6_has_its_own_command),
		cmocka_unit_test(test_names_unknown),
		cmocka_unit_test(test_no_command_is_made_of_hostile_names),
		cmocka_unit_test(test_verdict_of_something_else),
		cmocka_unit_test(test_verdict_at_an_unknown_place),
		cmocka_unit_test(test_verdict_beside_another_drop),
		cmocka_unit_test(test_verdict_without_its_drop),
		cmocka_unit_test(test_hook_of_the_verdict),
		cmocka_unit_test(test_hook_unknown_to_the_verdict),
		cmocka_unit_test(test_rule_is_no_port_exhaustion),
		cmocka_unit_test(test_refused_by_the_backend_all_the_same),
		cmocka_unit_test(test_no_table_did),
		cmocka_unit_test(test_no_table_that_was_watched),
		cmocka_unit_test(test_refused_by_this_node),
		cmocka_unit_test(test_where_icmp_was_sent),
		cmocka_unit_test(test_icmp_to_the_server),
		cmocka_unit_test(test_another_error_than_the_client_met),
		cmocka_unit_test(test_icmpv6),
		cmocka_unit_test(test_unreachable_by_this_node),
		cmocka_unit_test(test_prohibited_by_this_node),
		cmocka_unit_test(test_icmp_beside_rst),
		cmocka_unit_test(test_datagram_refused_here),
		cmocka_unit_test(test_icmp_of_an_unanswered_attempt),
		cmocka_unit_test(test_listener_full),
		cmocka_unit_test(test_counter_that_stands_still),
		cmocka_unit_test(test_open_for_the_client_only),
		cmocka_unit_test(test_filtered_before_the_listener),
		cmocka_unit_test(test_full_and_refused),
		cmocka_unit_test(test_missed_only_where_it_matters),
		cmocka_unit_test(test_more_is_missing_than_there_is_room),
	};

	return cmocka_run_group_tests(tests, arena_open, arena_close);
}
