/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/hooks_filter.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define ALL 0x0003 /* ETH_P_ALL */

static struct wd_filters filters;

static int start(void **state)
{
	(void)state;
	memset(&filters, 0, sizeof(filters));
	return 0;
}

static void given(uint16_t priority, const char *kind, uint16_t protocol, uint32_t handle)
{
	struct wd_filter *f = &filters.f[filters.n++];

	f->priority = priority;
	f->protocol = protocol;
	f->handle = handle;
	snprintf(f->kind, sizeof(f->kind), "%s", kind);
}

static struct wd_filter_place place(void)
{
	struct wd_filter_place at = {0, 0};

	assert_int_equal(wd_filter_place(&filters, &at), 0);
	assert_int_not_equal(at.priority, 0);
	assert_int_not_equal(at.handle, 0);
	return at;
}

static void test_alone(void **state)
{
	(void)state;
	/* neither where people put theirs nor where the kernel does */
	assert_in_range(place().priority, 1000, 0xbfff);
}

static void test_in_front_of_others(void **state)
{
	(void)state;
	given(49152, "bpf", ALL, 0);
	given(49152, "bpf", ALL, 1);
	given(10, "u32", 0x0800, 0);
	assert_in_range(place().priority, 1, 9);
	given(4, "matchall", ALL, 1);
	assert_in_range(place().priority, 1, 3);
}

/* Priority 1 is whose it may be: taken by us, another kind of filter could not be put there. */
static void test_not_in_the_way_of_the_first(void **state)
{
	(void)state;
	given(2, "matchall", ALL, 1);
	assert_int_equal(place().priority, 3);
	given(3, "bpf", ALL, 1);
	assert_int_equal(place().priority, 4);
}

static void test_beside_bpf_at_the_first(void **state)
{
	struct wd_filter_place at, next;

	(void)state;
	given(1, "bpf", ALL, 0);
	given(1, "bpf", ALL, 1);
	at = place();
	assert_int_equal(at.priority, 1);
	assert_int_not_equal(at.handle, 1);
	/* the handle of another whydrop is not taken either */
	given(1, "bpf", ALL, at.handle);
	next = place();
	assert_int_equal(next.priority, 1);
	assert_int_not_equal(next.handle, at.handle);
}

static void test_behind_another_kind_at_the_first(void **state)
{
	(void)state;
	given(1, "u32", ALL, 0x800);
	assert_int_equal(place().priority, 2);
	given(2, "bpf", ALL, 1);
	given(3, "bpf", 0x0800, 1);
	assert_int_equal(place().priority, 4);
}

static void test_another_protocol_at_the_first(void **state)
{
	(void)state;
	given(1, "bpf", 0x0800, 1);
	assert_int_equal(place().priority, 2);
}

static void test_other_chains_are_not_in_the_way(void **state)
{
	(void)state;
	given(1, "u32", 0x0800, 1);
	filters.f[0].chain = 5;
	assert_in_range(place().priority, 1000, 0xbfff);
}

static void test_more_than_can_be_known(void **state)
{
	struct wd_filter_place at;

	(void)state;
	given(10, "bpf", ALL, 1);
	filters.more = true;
	assert_int_equal(wd_filter_place(&filters, &at), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_alone, start),
		cmocka_unit_test_setup(test_in_front_of_others, start),
		cmocka_unit_test_setup(test_not_in_the_way_of_the_first, start),
		cmocka_unit_test_setup(test_beside_bpf_at_the_first, start),
		cmocka_unit_test_setup(test_behind_another_kind_at_the_first, start),
		cmocka_unit_test_setup(test_another_protocol_at_the_first, start),
		cmocka_unit_test_setup(test_other_chains_are_not_in_the_way, start),
		cmocka_unit_test_setup(test_more_than_can_be_known, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
