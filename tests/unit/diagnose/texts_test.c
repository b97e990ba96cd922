/* SPDX-License-Identifier: Apache-2.0 */
/* What a tired engineer reads: every text of every answer, also where names are unknown. */
#include "asking.h"
#include "catalogue.h"

static bool ends_with(const char *t, const char *end)
{
	size_t n = strlen(t), m = strlen(end);

	return n >= m && strcmp(t + n - m, end) == 0;
}

/* What is wrong with a text; NULL: nothing. */
static const char *fault(const char *t, bool is_where)
{
	static const char *const holes[] = {"(null)", " in,", " in;", " in:", " on,", " of,",
	                                    " to,",   " by,", "''",   "()",   " ,",   " ;",
	                                    " :",     "/ ",   "%s",   "%u"};
	static const char *const stumps[] = {" in", " on", " of", " to", " by", " is",
	                                     ".",   " ",   ",",   ":",   ";",   "\n"};
	const char *blanks;

	if (!t || !t[0])
		return "empty";
	if (t[0] == ' ')
		return "begins with a blank";
	for (const char *p = t; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "control byte";
	/* the place and what the kernel calls it stand apart */
	blanks = strstr(t, "  ");
	if (blanks && !(is_where && strncmp(blanks, "  (kernel: ", 11) == 0))
		return "two blanks";
	for (size_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++)
		if (strstr(t, holes[i]))
			return holes[i];
	for (size_t i = 0; i < sizeof(stumps) / sizeof(stumps[0]); i++)
		if (ends_with(t, stumps[i]))
			return "ends like a cut sentence";
	return NULL;
}

static unsigned int complain(const char *who, const char *variant, const char *t, bool is_where)
{
	const char *why = fault(t, is_where);

	if (!why)
		return 0;
	print_error("%s, %s: %s: \"%s\"\n", who, variant, why, t ? t : "");
	return 1;
}

static unsigned int faults_of(const char *who, const char *variant, const struct wd_finding *f)
{
	unsigned int n = complain(who, variant, f->summary, false);

	if (f->where)
		n += complain(who, variant, f->where, true);
	for (unsigned int i = 0; i < f->n_evidence; i++) {
		n += complain(who, variant, f->evidence[i].text, false);
		n += complain(who, variant, f->evidence[i].kind, false);
	}
	for (unsigned int i = 0; i < f->n_next; i++)
		n += complain(who, variant, f->next[i], false);
	return n;
}

/* ---- variants ---------------------------------------------------------------------------- */

static void as_it_is(struct situation *s)
{
	(void)s;
}

static void interim(struct situation *s)
{
	s->in.final = false;
	s->flow.end_ns = 0;
}

static void no_pods(struct situation *s)
{
	memset(&s->facts.client.pod, 0, sizeof(s->facts.client.pod));
	memset(&s->facts.backend.pod, 0, sizeof(s->facts.backend.pod));
}

static void no_netns_names(struct situation *s)
{
	no_pods(s);
	s->facts.client.netns[0] = s->facts.backend.netns[0] = '\0';
	memset(s->in.drop_netns, 0, sizeof(s->in.drop_netns));
}

static void no_devices(struct situation *s)
{
	s->facts.neigh.device[0] = s->facts.node_route.device[0] = '\0';
	s->facts.client.route.device[0] = '\0';
	for (unsigned int i = 0; i < s->flow.n_drops; i++)
		s->flow.drops[i].d.device[0] = '\0';
}

static void no_reasons(struct situation *s)
{
	for (unsigned int i = 0; i < s->flow.n_drops; i++)
		s->flow.drops[i].d.function = NULL;
	s->flow.rst_reason = NULL;
}

static void no_comm(struct situation *s)
{
	s->flow.owner.comm[0] = '\0';
}

static void no_owner(struct situation *s)
{
	memset(&s->flow.owner, 0, sizeof(s->flow.owner));
	memset(&s->facts.client, 0, sizeof(s->facts.client));
}

static void no_facts(struct situation *s)
{
	memset(&s->facts, 0, sizeof(s->facts));
}

static void ipv6(struct situation *s)
{
	s->flow.tuple.saddr = addr("fd00:10::5");
	s->flow.tuple.daddr = addr("fd00:96::1");
	s->flow.backend = addr("fd00:10:1::20");
	s->facts.neigh.addr = addr("fe80::1");
}

static void in_a_pod(struct situation *s)
{
	for (unsigned int i = 0; i < WD_FLOW_DROPS_MAX; i++)
		s->in.drop_netns[i] = i % 2 ? "cni-3" : "payments/api-1";
}

static void many(struct situation *s)
{
	while (s->flow.n_drops && s->flow.n_drops < WD_FLOW_DROPS_MAX) {
		s->flow.drops[s->flow.n_drops] = s->flow.drops[0];
		s->flow.n_drops++;
	}
	s->flow.drops_beyond = 3;
	s->flow.synack_retrans = 1;
	nat(s);
	s->flow.backend_inferred = true;
}

static const struct {
	const char *name;
	step_fn apply;
} variants[] = {
	{"as it is", as_it_is},     {"interim", interim},
	{"no pods", no_pods},       {"no netns", no_netns_names},
	{"no devices", no_devices}, {"no function", no_reasons},
	{"no comm", no_comm},       {"no owner", no_owner},
	{"no facts", no_facts},     {"IPv6", ipv6},
	{"in a pod", in_a_pod},     {"many", many},
};

#define N_VARIANTS (sizeof(variants) / sizeof(variants[0]))

static void test_texts(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t v = 0; v < N_VARIANTS; v++) {
		for (size_t i = 0; i < N_CATALOGUE; i++) {
			struct situation s;
			struct wd_finding f;

			build(&s, catalogue[i].steps);
			variants[v].apply(&s);
			judge(&s, &arena, &f);
			wrong += faults_of(catalogue[i].name, variants[v].name, &f);
			assert_int_equal(arena.truncated, 0);
		}
	}
	assert_int_equal(wrong, 0);
}

/* An answer without a next step leaves the reader where he was. */
static void test_every_answer_says_what_to_do_next(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for (size_t i = 0; i < N_CATALOGUE; i++) {
		struct situation s;
		struct wd_finding f;

		build(&s, catalogue[i].steps);
		judge(&s, &arena, &f);
		if (f.n_next)
			continue;
		wrong++;
		print_error("%s: no next step after \"%s\"\n", catalogue[i].name, f.summary);
	}
	assert_int_equal(wrong, 0);
}

static void test_every_answer_shows_evidence(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CATALOGUE; i++) {
		struct situation s;
		struct wd_finding f;

		build(&s, catalogue[i].steps);
		judge(&s, &arena, &f);
		assert_true(f.n_evidence > 0);
	}
}

/* Names are whatever their owner chose; they are escaped where they are printed. */
static void test_hostile_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CATALOGUE; i++) {
		struct situation s;
		struct wd_finding f;

		build(&s, catalogue[i].steps);
		memcpy(s.flow.owner.comm, "%n%s\x1b[2J\n\x7f%99$n", 16);
		s.flow.owner.comm[15] = '\0';
		memset(s.facts.backend.pod.name, '%', sizeof(s.facts.backend.pod.name) - 1);
		strcpy(s.facts.backend.pod.ns, "\xff\xfe\x01");
		memset(s.facts.backend.netns, 'n', sizeof(s.facts.backend.netns) - 1);
		memset(s.facts.node_route.device, '%', 15);
		memset(s.facts.neigh.device, '\x1b', 15);
		for (unsigned int k = 0; k < s.flow.n_drops; k++)
			memset(s.flow.drops[k].d.device, '%', 15);
		judge(&s, &arena, &f);
		assert_string_equal(f.client.comm, s.flow.owner.comm);
		assert_non_null(f.summary);
		assert_true(strlen(f.summary) < 2048);
	}
}

/* A small arena makes the answer shorter, never broken. */
static void test_small_arena(void **state)
{
	(void)state;
	for (size_t size = 0; size < 600; size += 7) {
		struct wd_arena small;

		assert_int_equal(wd_arena_init(&small, size), 0);
		for (size_t i = 0; i < N_CATALOGUE; i++) {
			struct situation s;
			struct wd_finding f;

			build(&s, catalogue[i].steps);
			judge(&s, &small, &f);
			assert_non_null(f.summary);
			for (unsigned int k = 0; k < f.n_evidence; k++)
				assert_non_null(f.evidence[k].text);
			for (unsigned int k = 0; k < f.n_next; k++)
				assert_non_null(f.next[k]);
		}
		wd_arena_release(&small);
	}
}

static void test_errno_names(void **state)
{
	(void)state;
	wd_arena_reset(&arena);
	assert_string_equal(wd_errno_name(&arena, ECONNREFUSED), "ECONNREFUSED");
	assert_string_equal(wd_errno_name(&arena, 4095), "errno 4095");
	assert_string_equal(wd_errno_name(&arena, 65535), "errno 65535");
	assert_string_equal(wd_errno_name(&arena, -1), "errno -1");
}

/* Set WD_SHOW to read all texts. */
static void test_show(void **state)
{
	(void)state;
	for (size_t i = 0; getenv("WD_SHOW") && i < N_CATALOGUE; i++) {
		struct situation s;
		struct wd_finding f;

		build(&s, catalogue[i].steps);
		judge(&s, &arena, &f);
		printf("# [%s] %s %s\n#   %s\n", catalogue[i].name, wd_cause_id(f.cause),
		       wd_confidence_id(f.confidence), f.summary);
		if (f.where)
			printf("#   where: %s\n", f.where);
		for (unsigned int k = 0; k < f.n_evidence; k++)
			printf("#   %s: %s\n", f.evidence[k].kind, f.evidence[k].text);
		for (unsigned int k = 0; k < f.n_next; k++)
			printf("#   next: %s\n", f.next[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_every_answer_says_what_to_do_next),
		cmocka_unit_test(test_every_answer_shows_evidence),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_small_arena),
		cmocka_unit_test(test_errno_names),
		cmocka_unit_test(test_show),
	};

	return cmocka_run_group_tests(tests, arena_open, arena_close);
}
