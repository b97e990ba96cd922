/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several drops of one unknown client: the first that is promoted takes the others with
 * it. In a program of its own, because a fault here ends the program.
 */
#include "scene.h"

/* One SYN, dropped in two places (say, its retry at another hook): one attempt. */
static void two_places(struct scene *s)
{
	struct attempt a = dial_service(0);
	struct wd_event e = syn_filtered(&a, 1);

	strcpy(e.drop.device, "eth0");
	play(s, syn_filtered(&a, 0));
	play(s, e);
}

static void test_promotion_takes_all_drops(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	two_places(&s);
	scene_until(&s, 2000);
	assert_words(&s, 1);
	assert_int_equal(interim(&s, 0)->n_drops, 2);
	assert_int_equal(wd_flow_table_counts(s.t).waiting, 0);
	scene_close(&s);
}

static void test_finish_takes_all_drops(void **state)
{
	struct scene s;

	(void)state;
	scene_open(&s);
	two_places(&s);
	scene_finish(&s, 100);
	assert_words(&s, 1);
	assert_int_equal(ended(&s, 0)->n_drops, 2);
	assert_int_equal(wd_flow_table_counts(s.t).waiting, 0);
	scene_close(&s);
}

/* Of a client beyond this node, or a masqueraded one: nobody listens, and the stack says so. */
static void test_syn_without_a_listener_is_refused(void **state)
{
	struct attempt a = dial_service(0);
	struct wd_event e = syn_filtered(&a, 0);
	struct scene s;

	(void)state;
	e.drop.reason = "NO_SOCKET";
	e.drop.has_ct = false;
	scene_open(&s);
	play(&s, e);
	scene_finish(&s, 100);
	assert_words(&s, 1);
	assert_int_equal(ended(&s, 0)->outcome, WD_OUTCOME_REFUSED);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_promotion_takes_all_drops),
		cmocka_unit_test(test_finish_takes_all_drops),
		cmocka_unit_test(test_syn_without_a_listener_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
