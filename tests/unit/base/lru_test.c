/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/lru.h"

static void test_limits(void **state)
{
	struct wd_lru l;

	(void)state;
	assert_int_equal(wd_lru_init(&l, 0), -EINVAL);
	assert_int_equal(wd_lru_init(&l, WD_LRU_CAP_MAX + 1), -EINVAL);
	wd_lru_release(&l);
}

static void test_one_slot(void **state)
{
	struct wd_lru l;

	(void)state;
	assert_int_equal(wd_lru_init(&l, 1), 0);
	assert_int_equal(wd_lru_first(&l, 5), WD_LRU_NONE);
	assert_int_equal(wd_lru_victim(&l), WD_LRU_NONE);
	assert_int_equal(wd_lru_insert(&l, 5), 0);
	assert_int_equal(wd_lru_victim(&l), 0);
	assert_int_equal(wd_lru_insert(&l, 6), 0);
	assert_int_equal(wd_lru_first(&l, 5), WD_LRU_NONE);
	assert_int_equal(wd_lru_first(&l, 6), 0);
	wd_lru_touch(&l, 0);
	wd_lru_remove(&l, 0);
	assert_int_equal(l.used, 0);
	assert_int_equal(l.newest, WD_LRU_NONE);
	assert_int_equal(l.oldest, WD_LRU_NONE);
	wd_lru_release(&l);
}

static void test_equal_hashes(void **state)
{
	struct wd_lru l;
	uint32_t a, b, slot;

	(void)state;
	assert_int_equal(wd_lru_init(&l, 4), 0);
	a = wd_lru_insert(&l, 9);
	wd_lru_insert(&l, 10);
	b = wd_lru_insert(&l, 9);
	slot = wd_lru_first(&l, 9);
	assert_int_equal(slot, b);
	slot = wd_lru_next(&l, slot);
	assert_int_equal(slot, a);
	assert_int_equal(wd_lru_next(&l, slot), WD_LRU_NONE);
	wd_lru_release(&l);
}

static void test_age(void **state)
{
	struct wd_lru l;
	uint32_t s[3];

	(void)state;
	assert_int_equal(wd_lru_init(&l, 3), 0);
	for (uint32_t i = 0; i < 3; i++)
		s[i] = wd_lru_insert(&l, i);
	assert_int_equal(wd_lru_victim(&l), s[0]);
	wd_lru_touch(&l, s[0]);
	assert_int_equal(wd_lru_victim(&l), s[1]);
	wd_lru_touch(&l, s[2]);
	assert_int_equal(l.newest, s[2]);
	assert_int_equal(wd_lru_older(&l, s[2]), s[0]);
	assert_int_equal(wd_lru_older(&l, s[0]), s[1]);
	assert_int_equal(wd_lru_older(&l, s[1]), WD_LRU_NONE);
	wd_lru_remove(&l, s[0]);
	assert_int_equal(wd_lru_victim(&l), WD_LRU_NONE);
	assert_int_equal(wd_lru_older(&l, s[2]), s[1]);
	wd_lru_release(&l);
}

/* Against a plain array that is searched from end to end. */
static void test_random(void **state)
{
	enum { CAP = 13, KEYS = 40 };
	uint64_t key[CAP], used[CAP] = {0}, now = 0;
	struct wd_lru l;

	(void)state;
	srandom(3);
	assert_int_equal(wd_lru_init(&l, CAP), 0);
	for (int round = 0; round < 200000; round++) {
		uint64_t k = (uint64_t)random() % KEYS;
		uint32_t slot = wd_lru_first(&l, k), want = WD_LRU_NONE, oldest = 0, n = 0;

		for (uint32_t i = 0; i < CAP; i++) {
			if (used[i] && key[i] == k)
				want = i;
			n += used[i] != 0;
			if (used[i] < used[oldest])
				oldest = i;
		}
		assert_int_equal(slot, want);
		assert_int_equal(l.used, n);
		assert_int_equal(wd_lru_victim(&l), n == CAP ? oldest : WD_LRU_NONE);
		if (slot == WD_LRU_NONE) {
			slot = wd_lru_insert(&l, k);
			assert_true(n < CAP ? used[slot] == 0 : slot == oldest);
			key[slot] = k;
			used[slot] = ++now;
		} else if (random() % 3) {
			wd_lru_touch(&l, slot);
			used[slot] = ++now;
		} else {
			wd_lru_remove(&l, slot);
			used[slot] = 0;
		}
	}
	wd_lru_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),       cmocka_unit_test(test_one_slot),
		cmocka_unit_test(test_equal_hashes), cmocka_unit_test(test_age),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
