/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts, ICMP errors of this node and full listeners: they tell more of an attempt that
 * fails by other evidence, and never begin or end one. */
#include "scene.h"

static struct wd_event verdict(struct wd_tuple packet, uint64_t ms, enum wd_decider by,
                               const char *chain)
{
	struct wd_event e = {.kind = WD_EVENT_VERDICT, .ts_ns = at(ms), .tuple = packet};

	e.verdict.by = by;
	e.verdict.hook = WD_HOOK_FORWARD;
	e.verdict.netns = NODE_NETNS;
	e.verdict.function = "nf_hook_slow";
	e.verdict.family = "ip";
	e.verdict.table = "filter";
	e.verdict.chain = chain;
	return e;
}

static struct wd_event icmp_sent(struct wd_tuple packet, uint64_t ms, uint8_t type, uint8_t code)
{
	struct wd_event e = {.kind = WD_EVENT_ICMP_SENT, .ts_ns = at(ms), .tuple = packet};

	e.icmp.netns = NODE_NETNS;
	e.icmp.type = type;
	e.icmp.code = code;
	return e;
}

static struct wd_event listen_full(struct wd_tuple packet, uint64_t ms)
{
	struct wd_event e = {.kind = WD_EVENT_LISTEN_FULL, .ts_ns = at(ms), .tuple = packet};

	e.listen.netns = SERVER_NETNS;
	e.listen.backlog = 129;
	e.listen.max = 128;
	e.listen.kind = WD_LISTEN_ACCEPT_SYN;
	return e;
}

static struct wd_event verdict_ct(struct wd_event e, struct wd_tuple orig)
{
	e.verdict.has_ct = true;
	e.verdict.ct_orig = orig;
	return e;
}

static struct wd_event icmp_ct(struct wd_event e, struct wd_tuple orig)
{
	e.icmp.has_ct = true;
	e.icmp.ct_orig = orig;
	return e;
}

/* The three of them about one packet. */
#define N_WITNESSES 3

static struct wd_event witness(unsigned int i, struct wd_tuple packet, uint64_t ms)
{
	switch (i) {
	case 0:
		return verdict(packet, ms, WD_BY_NFT, "FORWARD");
	case 1:
		return icmp_sent(packet, ms, 3, 3);
	}
	return listen_full(packet, ms);
}

static uint32_t heard(const struct wd_flow *f, unsigned int i)
{
	return i == 0 ? f->verdict.count : i == 1 ? f->icmp_sent.count : f->listen_full.count;
}

/* Where NAT sent it: the same client, another target. */
static struct wd_tuple translated(const struct attempt *a)
{
	struct wd_tuple t = a->tuple;

	t.daddr = addr("10.244.0.20");
	t.dport = 8443;
	return t;
}

/* ---- joined ------------------------------------------------------------------------------ */

static void test_before_the_attempt_is_known(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < N_WITNESSES; i++) {
		struct attempt a = dial_service(0);
		struct scene s;

		scene_open(&s);
		play(&s, witness(i, a.tuple, 1));
		assert_int_equal(wd_flow_table_counts(s.t).waiting, 1);
		play(&s, syn_repeated(&a, 1000, 2));
		assert_int_equal(wd_flow_table_counts(s.t).waiting, 0);
		scene_until(&s, 2000);
		assert_int_equal(heard(only_word(&s), i), 1);
		scene_close(&s);
	}
}

static void test_after_the_attempt_is_known(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < N_WITNESSES; i++) {
		struct attempt a = dial_service(0);
		struct scene s;

		scene_open(&s);
		play(&s, syn_repeated(&a, 1000, 2));
		play(&s, witness(i, a.tuple, 1001));
		play(&s, witness(i, a.tuple, 1002));
		assert_int_equal(wd_flow_table_counts(s.t).waiting, 0);
		scene_until(&s, 2000);
		assert_int_equal(heard(only_word(&s), i), 2);
		scene_close(&s);
	}
}

static void test_what_is_kept(void **state)
{
	struct attempt a = dial_service(0);
	const struct wd_flow *f;
	struct wd_event e;
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, verdict(a.tuple, 1001, WD_BY_NFT, "KUBE-FORWARD"));
	e = icmp_sent(a.tuple, 1002, 3, 4);
	e.icmp.info = 1400;
	play(&s, e);
	play(&s, listen_full(a.tuple, 1003));
	scene_until(&s, 2000);
	f = only_word(&s);
	assert_int_equal(f->verdict.by, WD_BY_NFT);
	assert_int_equal(f->verdict.hook, WD_HOOK_FORWARD);
	assert_int_equal(f->verdict.netns, NODE_NETNS);
	assert_false(f->verdict.reply);
	assert_string_equal(f->verdict.family, "ip");
	assert_string_equal(f->verdict.table, "filter");
	assert_string_equal(f->verdict.chain, "KUBE-FORWARD");
	assert_string_equal(f->verdict.function, "nf_hook_slow");
	assert_int_equal(f->icmp_sent.type, 3);
	assert_int_equal(f->icmp_sent.code, 4);
	assert_int_equal(f->icmp_sent.info, 1400);
	assert_false(f->icmp_sent.reply);
	assert_false(f->icmp_sent.v6);
	assert_int_equal(f->icmp_sent.netns, NODE_NETNS);
	assert_int_equal(f->listen_full.backlog, 129);
	assert_int_equal(f->listen_full.max, 128);
	assert_int_equal(f->listen_full.kind, WD_LISTEN_ACCEPT_SYN);
	assert_int_equal(f->listen_full.netns, SERVER_NETNS);
	scene_close(&s);
}

static void test_ipv6(void **state)
{
	struct attempt a = dial("fd00:10::5", 40000, "fd00:96::1", 443, 0xffff888000001000, 0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, icmp_sent(a.tuple, 1001, 1, 4));
	scene_until(&s, 2000);
	assert_true(only_word(&s)->icmp_sent.v6);
	scene_close(&s);
}

/* ---- NAT --------------------------------------------------------------------------------- */

static void test_through_conntrack(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple packet = translated(&a);
	const struct wd_flow *f;
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, verdict_ct(verdict(packet, 1, WD_BY_NFT, "FORWARD"), a.tuple));
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, icmp_ct(icmp_sent(packet, 1001, 3, 3), a.tuple));
	scene_until(&s, 2000);
	f = only_word(&s);
	assert_int_equal(f->verdict.count, 1);
	assert_int_equal(f->icmp_sent.count, 1);
	assert_false(f->verdict.reply);
	assert_false(f->icmp_sent.reply);
	/* who the backend is, is for better witnesses to say */
	assert_false(f->has_backend);
	scene_close(&s);
}

/* Masqueraded, too: nothing of the client's is left in the packet but what conntrack keeps. */
static void test_source_is_translated(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple packet = translated(&a);
	struct scene s;

	(void)state;
	packet.saddr = addr("192.0.2.10");
	packet.sport = 61000;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, verdict_ct(verdict(packet, 1001, WD_BY_NFT, "POSTROUTING"), a.tuple));
	scene_until(&s, 2000);
	assert_int_equal(only_word(&s)->verdict.count, 1);
	assert_false(only_word(&s)->verdict.reply);
	scene_close(&s);
}

static void test_same_client_port_behind_nat(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < N_WITNESSES; i++) {
		struct attempt a = dial_service(0);
		struct scene s;

		/* known before it, and after it */
		scene_open(&s);
		play(&s, witness(i, translated(&a), 1));
		play(&s, syn_repeated(&a, 1000, 2));
		play(&s, witness(i, translated(&a), 1001));
		scene_until(&s, 2000);
		assert_int_equal(heard(only_word(&s), i), 2);
		assert_false(only_word(&s)->has_backend);
		scene_close(&s);
	}
}

/* Two attempts of one client port, one of which NAT may have sent there: no guess is made. */
static void test_no_guess_between_two(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < N_WITNESSES; i++) {
		struct attempt a = dial_service(0);
		struct attempt b =
			dial("10.244.0.5", 40000, "10.96.0.2", 443, 0xffff888000002000, 0);
		struct scene s;

		scene_open(&s);
		play(&s, syn_repeated(&a, 1000, 2));
		play(&s, syn_repeated(&b, 1000, 2));
		play(&s, witness(i, translated(&a), 1001));
		scene_until(&s, 2000);
		assert_words(&s, 2);
		assert_int_equal(heard(interim(&s, 0), i), 0);
		assert_int_equal(heard(interim(&s, 1), i), 0);
		/* but to each its own */
		play(&s, witness(i, b.tuple, 2100));
		play(&s, gave_up(&a, 3000, 2, ETIMEDOUT));
		play(&s, gave_up(&b, 3000, 2, ETIMEDOUT));
		scene_rest(&s);
		assert_words(&s, 4);
		for (unsigned int w = 2; w < 4; w++) {
			const struct wd_flow *f = ended(&s, w);

			assert_int_equal(heard(f, i),
			                 wd_addr_equal(&f->tuple.daddr, &b.tuple.daddr));
		}
		scene_close(&s);
	}
}

/* NAT is known to have sent it elsewhere. */
static void test_backend_of_another(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < N_WITNESSES; i++) {
		struct attempt a = dial_service(0);
		struct wd_tuple reply =
			tuple(WD_PROTO_TCP, "10.244.0.20", 8443, "10.244.0.5", 40000);
		struct wd_tuple other = translated(&a);
		struct scene s;

		other.daddr = addr("10.244.0.99");
		scene_open(&s);
		play(&s, conn(&a, 0, WD_CONN_DROP));
		play(&s, with_ct(syn_filtered(&a, 0), a.tuple, reply));
		play(&s, witness(i, other, 10));
		play(&s, witness(i, translated(&a), 11));
		scene_until(&s, 2000);
		assert_int_equal(heard(only_word(&s), i), 1);
		scene_close(&s);
	}
}

/* ---- which way --------------------------------------------------------------------------- */

static void test_of_the_answer(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple back = wd_tuple_reverse(&a.tuple);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, verdict(back, 1001, WD_BY_NFT, "FORWARD"));
	play(&s, icmp_sent(back, 1002, 3, 1));
	scene_until(&s, 2000);
	assert_true(only_word(&s)->verdict.reply);
	assert_true(only_word(&s)->icmp_sent.reply);
	scene_close(&s);
}

static void test_of_the_answer_by_conntrack(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple forth = translated(&a), back = wd_tuple_reverse(&forth);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, verdict_ct(verdict(back, 1001, WD_BY_NFT, "FORWARD"), a.tuple));
	play(&s, icmp_ct(icmp_sent(back, 1002, 3, 1), a.tuple));
	scene_until(&s, 2000);
	assert_true(only_word(&s)->verdict.reply);
	assert_true(only_word(&s)->icmp_sent.reply);
	scene_close(&s);
}

/* Client and target have one address: loopback, and a pod that reaches itself by its Service
 * (hairpin). The ports tell the way. */
static void test_client_and_backend_are_one(void **state)
{
	static const char *const backends[] = {"10.96.0.1", "10.244.0.5"};
	static const char *const clients[] = {"10.96.0.1", "10.244.0.5"};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct attempt a = dial(clients[i], 40000, "10.96.0.1", 443, 0xffff888000001000, 0);
		struct wd_tuple forth = a.tuple, back;
		struct scene s;

		forth.daddr = addr(backends[i]);
		forth.dport = i ? 8443 : 443;
		back = wd_tuple_reverse(&forth);
		scene_open(&s);
		play(&s, syn_repeated(&a, 1000, 2));
		play(&s, verdict_ct(verdict(forth, 1001, WD_BY_NFT, "OUTPUT"), a.tuple));
		play(&s, icmp_ct(icmp_sent(forth, 1001, 3, 3), a.tuple));
		scene_until(&s, 2000);
		assert_false(only_word(&s)->verdict.reply);
		assert_false(only_word(&s)->icmp_sent.reply);
		play(&s, icmp_ct(icmp_sent(back, 2001, 3, 3), a.tuple));
		play(&s, gave_up(&a, 3000, 2, ETIMEDOUT));
		scene_rest(&s);
		assert_int_equal(ended(&s, 1)->icmp_sent.count, 2);
		scene_close(&s);
	}
}

/* The client's question was dropped by a table, and so was an answer: the question is told,
 * whichever came last. */
static void test_questions_before_answers(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_tuple back = wd_tuple_reverse(&a.tuple);

	(void)state;
	for (unsigned int order = 0; order < 2; order++) {
		struct scene s;

		scene_open(&s);
		play(&s, syn_repeated(&a, 1000, 2));
		for (unsigned int k = 0; k < 2; k++) {
			bool answer = k == order;

			play(&s, verdict(answer ? back : a.tuple, 1001 + k, WD_BY_NFT,
			                 answer ? "OUTPUT" : "FORWARD"));
		}
		scene_until(&s, 2000);
		assert_false(only_word(&s)->verdict.reply);
		assert_string_equal(only_word(&s)->verdict.chain, "FORWARD");
		scene_close(&s);
	}
}

/* That the node could not say who decided is no verdict. */
static void test_unknown_decider_says_nothing(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, syn_repeated(&a, 1000, 2));
	play(&s, verdict(a.tuple, 1001, WD_BY_XTABLE, "FORWARD"));
	play(&s, verdict(a.tuple, 1002, WD_BY_UNKNOWN, NULL));
	scene_until(&s, 2000);
	assert_int_equal(only_word(&s)->verdict.by, WD_BY_XTABLE);
	assert_int_equal(only_word(&s)->verdict.count, 1);
	scene_close(&s);
}

/* ---- never more than a witness ----------------------------------------------------------- */

static void test_begin_no_attempt(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < N_WITNESSES; i++) {
		struct attempt a = dial_service(0);
		struct scene s;

		scene_open(&s);
		play(&s, witness(i, a.tuple, 0));
		assert_int_equal(wd_flow_table_counts(s.t).flows, 0);
		scene_rest(&s);
		scene_finish(&s, 700000);
		assert_words(&s, 0);
		/* and wait for nothing for ever */
		assert_int_equal(wd_flow_table_counts(s.t).waiting, 0);
		assert_int_equal(wd_flow_table_counts(s.t).waiting_evicted, 0);
		scene_close(&s);
	}
}

static void test_change_no_outcome(void **state)
{
	static const char *const outcomes[] = {"unanswered", "refused", "answered-late"};

	(void)state;
	for (unsigned int i = 0; i < N_WITNESSES; i++) {
		for (unsigned int o = 0; o < 3; o++) {
			struct attempt a = dial_service(0);
			struct scene with, without;

			scene_open(&with);
			scene_open(&without);
			for (unsigned int k = 0; k < 2; k++) {
				struct scene *s = k ? &with : &without;

				play(s, syn_repeated(&a, 1000, 2));
				if (k)
					play(s, witness(i, a.tuple, 1050));
				play(s, o == 0   ? gave_up(&a, 3000, 2, ETIMEDOUT)
				        : o == 1 ? refused(&a, 3000, true)
				                 : answered(&a, 3000, 2));
				scene_rest(s);
			}
			assert_int_equal(with.n_words, without.n_words);
			for (unsigned int w = 0; w < with.n_words; w++) {
				const struct wd_flow *f = &with.words[w].flow,
						     *g = &without.words[w].flow;

				assert_int_equal(with.words[w].at_ms, without.words[w].at_ms);
				assert_int_equal(f->outcome, g->outcome);
				assert_int_equal(f->err, g->err);
				assert_int_equal(f->syn_sent, g->syn_sent);
				assert_int_equal(f->end_ns, g->end_ns);
				assert_int_equal(f->n_drops, g->n_drops);
				assert_int_equal(heard(f, i), 1);
			}
			assert_outcome(&with.words[with.n_words - 1].flow, outcomes[o]);
			scene_close(&with);
			scene_close(&without);
		}
	}
}

/* A connection that opens and closes well is not told, whatever was seen on its way. */
static void test_healthy_stays_untold(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < N_WITNESSES; i++) {
		struct attempt a = dial_service(0);
		struct scene s;

		scene_open(&s);
		play(&s, witness(i, a.tuple, 1));
		play(&s, closed(&a, 500, WD_TCP_ESTABLISHED, 0, false));
		scene_rest(&s);
		assert_words(&s, 0);
		scene_close(&s);
	}
}

static void test_latecomers_change_nothing(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < N_WITNESSES; i++) {
		struct attempt a = dial_service(0);
		struct scene s;

		scene_open(&s);
		play(&s, refused(&a, 10, true));
		scene_until(&s, 1000);
		assert_words(&s, 1);
		assert_int_equal(heard(ended(&s, 0), i), 0);
		play(&s, witness(i, a.tuple, 1500));
		scene_rest(&s);
		assert_words(&s, 1);
		scene_close(&s);
	}
}

/* The last word was said: what comes now is of the next attempt from that port, even if that
 * one shows itself later. */
static void test_next_attempt_from_the_same_port(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < N_WITNESSES; i++) {
		struct attempt a = dial_service(0), b = dial_service(1400);
		struct scene s;

		b.sock += 0x1000;
		scene_open(&s);
		play(&s, refused(&a, 10, true));
		scene_until(&s, 1000);
		play(&s, witness(i, a.tuple, 1500));
		play(&s, syn_repeated(&b, 2400, 2));
		scene_until(&s, 4000);
		assert_words(&s, 2);
		assert_int_equal(heard(ended(&s, 0), i), 0);
		assert_int_equal(heard(interim(&s, 1), i), 1);
		scene_close(&s);
	}
}

/* Ports are used again: what was seen before this attempt began is another's. */
static void test_older_than_the_attempt(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < N_WITNESSES; i++) {
		struct attempt a = dial_service(2000);
		struct scene s;

		scene_open(&s);
		play(&s, witness(i, a.tuple, 1000));
		play(&s, syn_repeated(&a, 3000, 2));
		scene_until(&s, 4000);
		assert_int_equal(heard(only_word(&s), i), 0);
		scene_close(&s);
	}
}

/* Known by its dropped packets alone: the client is elsewhere. */
static void test_attempt_from_drops(void **state)
{
	struct attempt a = dial_service(0);
	struct scene s;

	(void)state;
	scene_open(&s);
	play(&s, verdict(a.tuple, 0, WD_BY_NFT, "FORWARD"));
	play(&s, syn_filtered(&a, 0));
	play(&s, verdict(a.tuple, 1000, WD_BY_NFT, "FORWARD"));
	scene_until(&s, 2000);
	assert_int_equal(only_word(&s)->n_drops, 1);
	assert_int_equal(only_word(&s)->verdict.count, 2);
	scene_close(&s);
}

/* Datagrams: the verdict comes before or after the drop, by the order of two programs. */
static void test_datagram_from_drops(void **state)
{
	struct wd_tuple t = tuple(WD_PROTO_UDP, "10.244.0.5", 40000, "10.96.0.10", 53);

	(void)state;
	for (unsigned int order = 0; order < 2; order++) {
		struct scene s;

		scene_open(&s);
		if (order)
			play(&s, verdict(t, 1, WD_BY_NFT, "FORWARD"));
		play(&s, dropped(t, 1, 0, "NETFILTER_DROP", "nf_hook_slow"));
		if (!order)
			play(&s, verdict(t, 1, WD_BY_NFT, "FORWARD"));
		scene_until(&s, 3000);
		assert_outcome(only_word(&s), "dropped");
		assert_int_equal(only_word(&s)->verdict.count, 1);
		scene_close(&s);
	}
}

/* They wait in the same bounded room as drops do, and must not be taken for those. */
static void forgotten(uint64_t key, void *ctx)
{
	(void)key;
	*(unsigned int *)ctx += 1;
}

static void test_bounded(void **state)
{
	unsigned int n_forgotten = 0;
	struct scene s;

	(void)state;
	scene_open_with(&s, (struct wd_flow_options){
				    .max_waiting = 8, .forget = forgotten, .ctx = &n_forgotten});
	for (unsigned int k = 0; k < 300; k++) {
		struct attempt a =
			dial("10.244.0.5", (uint16_t)(10000 + k), "10.96.0.1", 443, k, 0);

		play(&s, witness(k % N_WITNESSES, a.tuple, 1 + k / 100));
	}
	assert_int_equal(wd_flow_table_counts(s.t).waiting, 8);
	assert_int_equal(wd_flow_table_counts(s.t).flows, 0);
	assert_int_equal(wd_flow_table_counts(s.t).waiting_evicted, 292);
	scene_rest(&s);
	assert_words(&s, 0);
	assert_int_equal(wd_flow_table_counts(s.t).waiting, 0);
	assert_int_equal(n_forgotten, 0);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_the_attempt_is_known),
		cmocka_unit_test(test_after_the_attempt_is_known),
		cmocka_unit_test(test_what_is_kept),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_through_conntrack),
		cmocka_unit_test(test_source_is_translated),
		cmocka_unit_test(test_same_client_port_behind_nat),
		cmocka_unit_test(test_no_guess_between_two),
		cmocka_unit_test(test_backend_of_another),
		cmocka_unit_test(test_of_the_answer),
		cmocka_unit_test(test_of_the_answer_by_conntrack),
		cmocka_unit_test(test_client_and_backend_are_one),
		cmocka_unit_test(test_questions_before_answers),
		cmocka_unit_test(test_unknown_decider_says_nothing),
		cmocka_unit_test(test_begin_no_attempt),
		cmocka_unit_test(test_change_no_outcome),
		cmocka_unit_test(test_healthy_stays_untold),
		cmocka_unit_test(test_latecomers_change_nothing),
		cmocka_unit_test(test_next_attempt_from_the_same_port),
		cmocka_unit_test(test_older_than_the_attempt),
		cmocka_unit_test(test_attempt_from_drops),
		cmocka_unit_test(test_datagram_from_drops),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
