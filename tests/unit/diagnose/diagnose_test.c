/* SPDX-License-Identifier: Apache-2.0 */
/* Which cause, and how sure. The texts have a test of their own. */
#include "asking.h"
#include "catalogue.h"

static void test_catalogue(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < N_CATALOGUE; i++) {
		const struct example *x = &catalogue[i];
		struct wd_finding f = ask_steps(x->steps);

		if (f.cause == x->cause && f.confidence == x->confidence)
			continue;
		wrong++;
		print_error("%s: %s %s, expected %s %s\n", x->name, wd_confidence_id(f.confidence),
		            wd_cause_id(f.cause), wd_confidence_id(x->confidence),
		            wd_cause_id(x->cause));
	}
	assert_int_equal(wrong, 0);
}

static void test_every_cause_is_reached(void **state)
{
	bool reached[WD_CAUSE_MAX] = {false};

	(void)state;
	for (size_t i = 0; i < N_CATALOGUE; i++)
		reached[ask_steps(catalogue[i].steps).cause] = true;
	for (unsigned int c = 0; c < WD_CAUSE_MAX; c++) {
		if (!reached[c])
			print_error("no example of %s\n", wd_cause_id((enum wd_cause)c));
		assert_true(reached[c]);
	}
}

static void test_outcome_and_parties_are_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CATALOGUE; i++) {
		struct situation s;
		struct wd_finding f;

		build(&s, catalogue[i].steps);
		judge(&s, &arena, &f);
		assert_int_equal(f.outcome, s.flow.outcome);
		assert_int_equal(f.id, 7);
		assert_int_equal(f.err, s.flow.err);
		assert_int_equal(f.client.pid, 4711);
		assert_string_equal(f.client.comm, "curl");
		assert_string_equal(f.client.pod.name, "cart-0");
		assert_int_equal(f.target.port, s.flow.tuple.dport);
		assert_int_equal(f.backend.known, s.flow.has_backend);
		assert_int_equal(f.lost_events, s.in.lost_events);
		assert_int_equal(f.n_missing_probes, s.in.n_missing_probes);
		assert_true(f.n_evidence <= WD_FINDING_EVIDENCE_MAX);
		assert_true(f.n_next <= WD_FINDING_NEXT_MAX);
		assert_true(f.final);
	}
}

/* ---- two witnesses ----------------------------------------------------------------------- */

static void no_drops(struct situation *s)
{
	s->flow.n_drops = 0;
}

static void only_silence(struct situation *s)
{
	s->flow.err = ETIMEDOUT;
	s->flow.outcome = WD_OUTCOME_UNANSWERED;
}

static void only_dropped(struct situation *s)
{
	s->flow.err = 0;
	s->flow.outcome = WD_OUTCOME_DROPPED;
}

static void no_counter(struct situation *s)
{
	s->facts.rpf_known = false;
	s->facts.backend.overflows_known = false;
}

static void no_queue(struct situation *s)
{
	s->facts.backend.queue_known = false;
}

static void no_node_route(struct situation *s)
{
	s->facts.node_route.kind = WD_ROUTE_UNKNOWN;
}

static void no_client_route(struct situation *s)
{
	s->facts.client.route.kind = WD_ROUTE_UNKNOWN;
}

static void no_neigh(struct situation *s)
{
	s->facts.neigh.state = WD_NEIGH_UNKNOWN;
}

static void no_listener(struct situation *s)
{
	s->facts.backend.listener = WD_LISTENER_UNKNOWN;
}

static void no_rst_here(struct situation *s)
{
	s->flow.rst_local = s->flow.rst_no_socket = false;
}

static void hooks_saw_nothing(struct situation *s)
{
	s->flow.path = NULL;
}

static void no_verdict(struct situation *s)
{
	s->flow.verdict.by = WD_BY_UNKNOWN;
}

static void no_icmp_sent(struct situation *s)
{
	s->flow.icmp_sent.count = 0;
}

static void room_to_listen(struct situation *s)
{
	s->flow.listen_full.count = 0;
}

static void small_segments(struct situation *s)
{
	s->flow.seg_len = 100;
}

/* The pairs that make an answer certain, and how each witness is taken away. */
static const struct pair {
	const char *first, *second;
	step_fn without_first, without_second;
	const char *examples[4];
} pairs[] = {
	{"drop in netfilter",
         "the client was rejected",
         no_drops,
         only_silence,
         {"REJECT with ICMP", "REJECT with RST", "REJECT as unreachable"}},
	{"drop in netfilter",
         "verdict of a table",
         no_drops,
         no_verdict,
         {"SYN filtered by a chain of nft", "SYN filtered by a legacy table",
          "SYN-ACK filtered by a chain", "datagram filtered by a chain"}},
	{"drop in netfilter",
         "verdict of a table, on data",
         no_drops,
         no_verdict,
         {"data filtered by a chain"}},
	{"error of the client",
         "ICMP sent by this node",
         only_silence,
         no_icmp_sent,
         {"refused by ICMP of this node"}},
	{"listener full",
         "ListenOverflows grew",
         room_to_listen,
         no_counter,
         {"queue: the kernel's own test, and counted"}},
	{"listener full",
         "queue not empty",
         room_to_listen,
         no_queue,
         {"queue: the kernel's own test, and waiting"}},
	{"drop by rp_filter", "counter of rp_filter", no_drops, no_counter, {"rp_filter, counted"}},
	{"drop for want of a neighbour",
         "neighbour table",
         no_drops,
         no_neigh,
         {"neighbour, and the table says so"}},
	{"drop for want of a neighbour",
         "error of the client",
         no_drops,
         only_silence,
         {"neighbour, and the client is told"}},
	{"drop for want of a route",
         "routing table",
         no_drops,
         no_node_route,
         {"no route, and the table says so"}},
	{"drop for want of a route",
         "error of the client",
         no_drops,
         only_silence,
         {"no route, and the client is told"}},
	{"error of the client",
         "routing table",
         only_silence,
         no_node_route,
         {"unreachable, table without route"}},
	{"error of the client",
         "neighbour table",
         only_silence,
         no_neigh,
         {"unreachable, neighbour silent"}},
	{"RST received", "RST sent, no socket", only_silence, no_rst_here, {"RST of this node"}},
	{"RST received",
         "nobody listens",
         only_silence,
         no_listener,
         {"RST, nobody listens", "RST, loopback only", "RST, other address",
          "blocking connect refused"}},
	{"error of the UDP socket",
         "drop without socket",
         only_dropped,
         no_drops,
         {"datagram refused, seen here"}},
	{"error of the UDP socket",
         "nobody listens",
         only_dropped,
         no_listener,
         {"datagram refused, nobody listens"}},
	{"drop without socket",
         "nobody listens",
         no_drops,
         no_listener,
         {"datagram without socket, nobody listens"}},
	{"packet hooks: SYN delivered",
         "somebody listens",
         hooks_saw_nothing,
         no_listener,
         {"reached a pod that listens and says nothing"}},
	{"drop: accept queue",
         "ListenOverflows grew",
         no_drops,
         no_counter,
         {"queue: dropped and counted"}},
	{"drop: accept queue",
         "queue not empty",
         no_drops,
         no_queue,
         {"queue: dropped and waiting"}},
	{"error of connect(2)",
         "routing table",
         only_silence,
         no_client_route,
         {"no route in the pod, table says so"}},
	{"drop: too big",
         "full-size segments repeated",
         no_drops,
         small_segments,
         {"too big, and full size"}},
	{"RST received",
         "RST sent by a local socket",
         only_silence,
         no_rst_here,
         {"reset by a local server"}},
};

static const struct pair *pair_of(const char *example)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		for (unsigned int k = 0; k < 4 && pairs[i].examples[k]; k++)
			if (strcmp(pairs[i].examples[k], example) == 0)
				return &pairs[i];
	return NULL;
}

static bool certain_without(const struct example *x, step_fn without)
{
	struct situation s;
	struct wd_finding f;

	build(&s, x->steps);
	without(&s);
	judge(&s, &arena, &f);
	return f.cause == x->cause && f.confidence == WD_CONFIDENCE_CERTAIN;
}

static void test_certain_takes_two_witnesses(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < N_CATALOGUE; i++) {
		const struct example *x = &catalogue[i];
		struct wd_finding f = ask_steps(x->steps);
		const struct pair *p = pair_of(x->name);

		if (f.confidence != WD_CONFIDENCE_CERTAIN) {
			assert_null(p);
			continue;
		}
		if (!p) {
			print_error("%s: certain, by which two witnesses?\n", x->name);
			wrong++;
			continue;
		}
		if (certain_without(x, p->without_first)) {
			print_error("%s: certain without '%s'\n", x->name, p->first);
			wrong++;
		}
		if (certain_without(x, p->without_second)) {
			print_error("%s: certain without '%s'\n", x->name, p->second);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

/* ---- what was not seen ------------------------------------------------------------------- */

/* Where events were lost or drops are not seen, silence proves nothing. */
static void test_blind_never_blames_what_lies_beyond(void **state)
{
	static const step_fn blind[] = {events_lost, no_drop_probe};

	(void)state;
	for (size_t i = 0; i < N_CATALOGUE; i++) {
		for (size_t k = 0; k < 2; k++) {
			struct situation s;
			struct wd_finding f;

			build(&s, catalogue[i].steps);
			blind[k](&s);
			judge(&s, &arena, &f);
			assert_int_not_equal(f.cause, WD_CAUSE_UPSTREAM_SILENT);
			assert_false(says(&f, "this node drops nothing"));
			assert_false(says(&f, "no drop was seen"));
			assert_false(says(&f, "no drop on this node"));
			assert_false(says(&f, "not dropped on this node"));
		}
	}
}

/* Blindness never makes an answer surer. */
static void test_blind_is_never_surer(void **state)
{
	static const step_fn blind[] = {events_lost, no_drop_probe, no_reset_probe};

	(void)state;
	for (size_t i = 0; i < N_CATALOGUE; i++) {
		for (size_t k = 0; k < 3; k++) {
			struct wd_finding f = ask_steps(catalogue[i].steps), g;
			struct situation s;

			build(&s, catalogue[i].steps);
			blind[k](&s);
			judge(&s, &arena, &g);
			assert_true(g.confidence <= f.confidence);
		}
	}
}

/* Nothing was lost, but the lies of a text would be as bad as those of a cause. */
static void test_says_no_drop_only_where_none_was(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < N_CATALOGUE; i++) {
		static const char *const claims[] = {"drops nothing", "no drop was seen",
		                                     "no drop on this node",
		                                     "not dropped on this node"};
		struct situation s;
		struct wd_finding f;

		build(&s, catalogue[i].steps);
		if (!s.flow.n_drops)
			continue;
		judge(&s, &arena, &f);
		for (size_t k = 0; k < sizeof(claims) / sizeof(claims[0]); k++)
			if (says(&f, claims[k])) {
				print_error("%s: says '%s'\n", catalogue[i].name, claims[k]);
				wrong++;
			}
	}
	assert_int_equal(wrong, 0);
}

/* Each SYN that this node drops leaves a record: fewer losses than SYNs hide nothing. */
static void test_silence_is_heard_through_fewer_losses_than_syns(void **state)
{
	struct wd_finding f;
	struct situation s;

	(void)state;
	build(&s, (const step_fn[STEPS_MAX]){tcp, timed_out});
	s.in.lost_events = 1000;
	s.in.lost_drops = 2;
	judge(&s, &arena, &f);
	assert_cause(f, "upstream-silent");
	s.in.lost_drops = 3;
	judge(&s, &arena, &f);
	assert_cause(f, "unknown");
	s.in.lost_drops = 1;
	s.flow.syn_sent = 0; /* not known */
	judge(&s, &arena, &f);
	assert_cause(f, "unknown");
}

/* ---- numbers ----------------------------------------------------------------------------- */

/* The count of SYNs is evidence whether or not connect(2) waited for the answer. */
static void test_blocking_clients_get_the_same_evidence(void **state)
{
	struct wd_finding f;

	(void)state;
	f = ask(tcp, timed_out);
	assert_true(says(&f, "3 SYNs in 3.1 s"));
	f = ask(tcp, timed_out, blocking);
	assert_true(says(&f, "3 SYNs in 3.1 s"));
	f = ask(tcp, refused, blocking, rst_received);
	assert_true(says(&f, "1 SYN in"));
}

static void test_attempts_and_time(void **state)
{
	struct wd_finding f;

	(void)state;
	f = ask(tcp, timed_out);
	assert_int_equal(f.attempts, 3);
	assert_int_equal(f.elapsed_ms, 3100);
	f = ask(udp, filtered);
	assert_int_equal(f.attempts, 1);
	assert_int_equal(f.drop.count, 1);
}

static void test_absurd_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CATALOGUE; i++) {
		struct situation s;
		struct wd_finding f;

		build(&s, catalogue[i].steps);
		s.flow.start_ns = UINT64_MAX;
		s.flow.end_ns = 1;
		s.in.wall_offset_ns = INT64_MIN;
		s.flow.syn_sent = UINT32_MAX;
		s.flow.seg_len = s.flow.mss = UINT32_MAX;
		s.flow.bytes_acked = UINT64_MAX;
		s.flow.err = s.flow.err ? 65535 : 0;
		s.flow.drops_beyond = UINT64_MAX;
		s.facts.backend.overflows = UINT64_MAX;
		s.facts.backend.queue = UINT32_MAX;
		for (unsigned int k = 0; k < s.flow.n_drops; k++) {
			s.flow.drops[k].d.count = s.flow.drops[k].before = UINT64_MAX;
			s.flow.drops[k].d.hook = (enum wd_hook)99;
		}
		judge(&s, &arena, &f);
		assert_non_null(f.summary);
		assert_int_equal(f.elapsed_ms, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_catalogue),
		cmocka_unit_test(test_every_cause_is_reached),
		cmocka_unit_test(test_outcome_and_parties_are_kept),
		cmocka_unit_test(test_certain_takes_two_witnesses),
		cmocka_unit_test(test_blind_never_blames_what_lies_beyond),
		cmocka_unit_test(test_blind_is_never_surer),
		cmocka_unit_test(test_says_no_drop_only_where_none_was),
		cmocka_unit_test(test_silence_is_heard_through_fewer_losses_than_syns),
		cmocka_unit_test(test_blocking_clients_get_the_same_evidence),
		cmocka_unit_test(test_attempts_and_time),
		cmocka_unit_test(test_absurd_numbers),
	};

	return cmocka_run_group_tests(tests, arena_open, arena_close);
}
