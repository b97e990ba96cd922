/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder against the BPF object that was built with it. Opening it takes no rights. */
#include "probe/ladder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "probe/load.h"

static struct wd_bpf *skel;

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static int object_open(void **state)
{
	(void)state;
	libbpf_set_print(quiet);
	skel = wd_bpf__open();
	return skel ? 0 : -1;
}

static int object_close(void **state)
{
	(void)state;
	wd_bpf__destroy(skel);
	return 0;
}

static const char *plain(const char *program)
{
	return program + (program[0] == '?');
}

static struct bpf_program *find(const char *program)
{
	return bpf_object__find_program_by_name(skel->obj, plain(program));
}

#define each_point(p) (unsigned int p = 0; p < WD_POINT_MAX; p++)
#define each_rung(r, p) \
	(const struct wd_rung *(r) = wd_ladder((enum wd_point)(p)); (r)->programs[0]; (r)++)

static void test_every_point_has_a_way(void **state)
{
	(void)state;
	for
		each_point(p)
		{
			const struct wd_rung *ladder = wd_ladder((enum wd_point)p);
			unsigned int n = 0;

			assert_non_null(ladder[0].programs[0]);
			while (ladder[n].programs[0])
				n++;
			assert_in_range(n, 1, WD_RUNGS_MAX);
			/* whydrop probes has room for all of them */
			assert_true(n <= WD_PROBE_ATTEMPTS_MAX);
		}
}

static void test_no_way_twice(void **state)
{
	(void)state;
	for
		each_point(p)
		{
			unsigned int seen = 0;
			int i = 0;

			for
				each_rung(r, p)
				{
					assert_true(r->way < WD_WAY_MAX);
					assert_false(seen & 1u << r->way);
					seen |= 1u << r->way;
					assert_int_equal(wd_ladder_find((enum wd_point)p, r->way),
					                 i++);
				}
			for (unsigned int w = 0; w < WD_WAY_MAX; w++)
				if (!(seen & 1u << w))
					assert_int_equal(
						wd_ladder_find((enum wd_point)p, (enum wd_way)w),
						-1);
			assert_int_equal(wd_ladder_find((enum wd_point)p, WD_WAY_NONE), -1);
		}
}

/* Lists end, and what must attach comes before nothing: a rung of only optional programs
 * could succeed with none. */
static void test_lists_of_programs(void **state)
{
	(void)state;
	for
		each_point(p)
		{
			for
				each_rung(r, p)
				{
					unsigned int n = 0, needed = 0;

					for (; r->programs[n]; n++)
						needed += r->programs[n][0] != '?';
					assert_true(n <= WD_RUNG_PROGRAMS_MAX);
					assert_true(needed > 0);
					if (r->lost)
						assert_true(strlen(r->lost) > 20);
				}
		}
}

static void test_every_program_is_in_the_object(void **state)
{
	unsigned int missing = 0;

	(void)state;
	for
		each_point(p)
		{
			for
				each_rung(r, p)
				{
					for (unsigned int i = 0; r->programs[i]; i++) {
						if (find(r->programs[i]))
							continue;
						print_error("%s: no program %s\n",
						            wd_point_name((enum wd_point)p),
						            r->programs[i]);
						missing++;
					}
				}
		}
	assert_int_equal(missing, 0);
}

/* How often a program stands in the ladder. */
static unsigned int uses(const char *program)
{
	unsigned int n = 0;

	for
		each_point(p)
		{
			for
				each_rung(r, p)
				{
					for (unsigned int i = 0; r->programs[i]; i++)
						n += strcmp(plain(r->programs[i]), program) == 0;
				}
		}
	return n;
}

/* Reporters are attached beside the ladder, with the points of kind DEMAND. */
static bool is_reporter(const char *program)
{
	return strcmp(program, "wd_verdict_btf") == 0 || strcmp(program, "wd_verdict_raw") == 0;
}

static void test_every_program_belongs_to_a_rung(void **state)
{
	struct bpf_program *prog;
	unsigned int wrong = 0;

	(void)state;
	bpf_object__for_each_program(prog, skel->obj)
	{
		const char *name = bpf_program__name(prog);
		unsigned int want = is_reporter(name) ? 0 : 1;

		if (uses(name) != want) {
			print_error("%s stands in the ladder %u times\n", name, uses(name));
			wrong++;
		}
		assert_int_equal(wd_ladder_point_of(name) == WD_POINT_MAX, is_reporter(name));
	}
	assert_int_equal(wrong, 0);
}

static void test_point_of_a_program(void **state)
{
	static const char *const none[] = {"", "?", "wd_", "?wd_refuse_v6_fentry", "kfree_skb"};

	(void)state;
	for
		each_point(p)
		{
			for
				each_rung(r, p)
				{
					for (unsigned int i = 0; r->programs[i]; i++)
						assert_int_equal(
							wd_ladder_point_of(plain(r->programs[i])),
							p);
				}
		}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(wd_ladder_point_of(none[i]), WD_POINT_MAX);
}

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool section_fits(const char *section, enum wd_way way)
{
	switch (way) {
	case WD_WAY_FENTRY:
		return begins(section, "fentry/") || begins(section, "fexit/");
	case WD_WAY_TP_BTF:
		return begins(section, "tp_btf/");
	case WD_WAY_RAW_TP:
		return begins(section, "raw_tp/");
	case WD_WAY_KPROBE:
		return begins(section, "kprobe/") || begins(section, "kretprobe/");
	case WD_WAY_TRACEPOINT:
		return begins(section, "tracepoint/");
	case WD_WAY_MAX:
		break;
	}
	return false;
}

static void test_sections_fit_their_way(void **state)
{
	unsigned int wrong = 0;

	(void)state;
	for
		each_point(p)
		{
			for
				each_rung(r, p)
				{
					for (unsigned int i = 0; r->programs[i]; i++) {
						const char *section = bpf_program__section_name(
							find(r->programs[i]));

						if (section_fits(section, r->way))
							continue;
						print_error("%s: %s is no %s\n", r->programs[i],
						            section, wd_way_name(r->way));
						wrong++;
					}
				}
		}
	assert_int_equal(wrong, 0);
}

static const char *function_in(const char *section)
{
	const char *slash = strrchr(section, '/');

	return slash ? slash + 1 : section;
}

/* A function that is left is one that was entered: where one half of a rung is optional, so
 * is the other, and what is left without having been entered is never read. */
static void test_returns_have_their_entries(void **state)
{
	(void)state;
	for
		each_point(p)
		{
			if (wd_point_kind((enum wd_point)p) != WD_KIND_DEMAND &&
			    p != WD_POINT_CONNECT)
				continue;
			for
				each_rung(r, p)
				{
					for (unsigned int i = 0; r->programs[i]; i++) {
						const char *s = bpf_program__section_name(
							find(r->programs[i]));
						bool entered = false;

						if (!begins(s, "kretprobe/") &&
						    !(begins(s, "fexit/") && p != WD_POINT_CONNECT))
							continue;
						for (unsigned int k = 0; r->programs[k]; k++) {
							const char *t = bpf_program__section_name(
								find(r->programs[k]));

							entered |=
								k != i &&
								strcmp(function_in(s),
							               function_in(t)) == 0 &&
								(r->programs[i][0] == '?') ==
									(r->programs[k][0] == '?');
						}
						assert_true(entered);
					}
				}
		}
}

/* Direct ways before those that pass through more of the kernel. A tracepoint with a typed
 * one takes that first; only a function of its own goes before. */
static void test_order_of_ways(void **state)
{
	(void)state;
	for
		each_point(p)
		{
			int typed = wd_ladder_find((enum wd_point)p, WD_WAY_TP_BTF);
			int raw = wd_ladder_find((enum wd_point)p, WD_WAY_RAW_TP);
			int probe = wd_ladder_find((enum wd_point)p, WD_WAY_KPROBE);
			int fentry = wd_ladder_find((enum wd_point)p, WD_WAY_FENTRY);
			int plain_tp = wd_ladder_find((enum wd_point)p, WD_WAY_TRACEPOINT);

			assert_int_equal(typed < 0, raw < 0);
			if (typed >= 0)
				assert_int_equal(raw, typed + 1);
			if (probe >= 0)
				assert_true(probe > typed && probe > raw && probe > fentry);
			if (plain_tp >= 0)
				assert_true(plain_tp > typed && plain_tp > raw && plain_tp > probe);
		}
}

/* What runs for each packet: never attached by default, so no trace pays for it unasked, and
 * each table has both halves. */
static void test_kinds(void **state)
{
	static const enum wd_point demand[] = {WD_POINT_NF_HOOK, WD_POINT_NFT, WD_POINT_IPT,
	                                       WD_POINT_IP6T};
	unsigned int n_demand = 0, n_base = 0;

	(void)state;
	for
		each_point(p)
		{
			n_demand += wd_point_kind((enum wd_point)p) == WD_KIND_DEMAND;
			n_base += wd_point_kind((enum wd_point)p) == WD_KIND_BASE;
		}
	assert_int_equal(n_demand, 4);
	assert_true(n_base > 5);
	for (size_t i = 0; i < sizeof(demand) / sizeof(demand[0]); i++) {
		assert_int_equal(wd_point_kind(demand[i]), WD_KIND_DEMAND);
		/* no tracepoint is there, and each way sees both ends */
		for
			each_rung(r, demand[i])
			{
				assert_true(r->way == WD_WAY_FENTRY || r->way == WD_WAY_KPROBE);
				assert_non_null(r->programs[1]);
			}
	}
	/* without these no failure is seen at all */
	assert_int_equal(wd_point_kind(WD_POINT_SET_STATE), WD_KIND_BASE);
	assert_int_equal(wd_point_kind(WD_POINT_KFREE_SKB), WD_KIND_BASE);
	assert_int_equal(wd_point_kind(WD_POINT_CONNECT), WD_KIND_BASE);
}

/* Two points that one warning of libbpf could be about would blame the wrong one. */
static void test_names_of_points_are_of_the_kernel(void **state)
{
	(void)state;
	for
		each_point(p)
		{
			for (unsigned int q = 0; q < p; q++)
				assert_string_not_equal(wd_point_name((enum wd_point)p),
				                        wd_point_name((enum wd_point)q));
		}
}

static void test_superfluous(void **state)
{
	struct wd_kernel k = {.reset_has_reason = false};

	(void)state;
	for
		each_point(p) assert_null(wd_load_superfluous(&k, (enum wd_point)p));
	k.reset_has_reason = true;
	for
		each_point(p)
		{
			const char *why = wd_load_superfluous(&k, (enum wd_point)p);

			if (p == WD_POINT_REFUSE)
				assert_true(why && strlen(why) > 20);
			else
				assert_null(why);
		}
}

/* The reader and the object were built from the same records. */
static void test_version_of_the_object(void **state)
{
	(void)state;
	assert_int_equal(skel->rodata->wd_abi, WD_ABI);
}

static void test_way_of_a_set(void **state)
{
	struct wd_set s = {0};

	(void)state;
	for
		each_point(p) s.rung[p] = -1;
	for
		each_point(p)
		{
			int i = 0;

			assert_int_equal(wd_set_way(&s, (enum wd_point)p), WD_WAY_NONE);
			for
				each_rung(r, p)
				{
					s.rung[p] = i++;
					assert_int_equal(wd_set_way(&s, (enum wd_point)p), r->way);
				}
			s.rung[p] = -1;
		}
	/* nothing is attached: nothing is taken away, as often as one likes */
	wd_set_release(&s);
	wd_set_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_point_has_a_way),
		cmocka_unit_test(test_no_way_twice),
		cmocka_unit_test(test_lists_of_programs),
		cmocka_unit_test(test_every_program_is_in_the_object),
		cmocka_unit_test(test_every_program_belongs_to_a_rung),
		cmocka_unit_test(test_point_of_a_program),
		cmocka_unit_test(test_sections_fit_their_way),
		cmocka_unit_test(test_returns_have_their_entries),
		cmocka_unit_test(test_order_of_ways),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_names_of_points_are_of_the_kernel),
		cmocka_unit_test(test_superfluous),
		cmocka_unit_test(test_version_of_the_object),
		cmocka_unit_test(test_way_of_a_set),
	};

	return cmocka_run_group_tests(tests, object_open, object_close);
}
