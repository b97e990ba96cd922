/* SPDX-License-Identifier: Apache-2.0 */
/* The pointer table and the counted strings, against what a list says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/atoms.h"
#include "base/table.h"

#define N 4000

static int things[N];
static bool in[N];
/* few different hashes, close to each other: long runs, and a wrap at the end of the table */
static uint32_t hash_of(unsigned int i)
{
	return 0xfffffff0u + i % 37;
}

static void assert_same(const struct wd_table *t)
{
	unsigned int n = 0;
	uint32_t at = 0;

	for (unsigned int i = 0; i < N; i += 61) {
		struct wd_table_walk w = wd_table_find(t, hash_of(i));
		bool found = false;
		void *p;

		while ((p = wd_table_next(t, &w))) {
			assert_int_equal(hash_of((unsigned int)((int *)p - things)), hash_of(i));
			found |= p == &things[i];
		}
		assert_int_equal(found, in[i]);
	}
	while (wd_table_each(t, &at))
		n++;
	assert_int_equal(n, t->n);
}

static void test_table_is_a_set_of_pairs(void **state)
{
	struct wd_table t = {0};
	unsigned int x = 1, n = 0;

	(void)state;
	assert_false(wd_table_remove(&t, 5, &x));
	for (unsigned int step = 0; step < 20000; step++) {
		unsigned int i;

		x = x * 1103515245 + 12345;
		i = (x >> 8) % N;
		if (in[i]) {
			assert_true(wd_table_remove(&t, hash_of(i), &things[i]));
			assert_false(wd_table_remove(&t, hash_of(i), &things[i]));
			n--;
		} else {
			assert_int_equal(wd_table_add(&t, hash_of(i), &things[i]), 0);
			n++;
		}
		in[i] = !in[i];
		assert_int_equal(t.n, n);
		if (step % 500 == 0)
			assert_same(&t);
	}
	assert_same(&t);
	wd_table_release(&t);
	memset(in, 0, sizeof(in));
}

static void test_same_pair_twice(void **state)
{
	struct wd_table t = {0};
	struct wd_table_walk w;

	(void)state;
	assert_int_equal(wd_table_add(&t, 7, &things[0]), 0);
	assert_int_equal(wd_table_add(&t, 7, &things[0]), 0);
	assert_true(wd_table_remove(&t, 7, &things[0]));
	w = wd_table_find(&t, 7);
	assert_ptr_equal(wd_table_next(&t, &w), &things[0]);
	assert_null(wd_table_next(&t, &w));
	wd_table_release(&t);
}

static void test_removing_while_walking_misses_none(void **state)
{
	struct wd_table t = {0};
	uint32_t at = 0;
	void *p;

	(void)state;
	for (unsigned int i = 0; i < N; i++)
		assert_int_equal(wd_table_add(&t, hash_of(i), &things[i]), 0);
	/* as the store does: every odd one goes */
	while ((p = wd_table_each(&t, &at))) {
		unsigned int i = (unsigned int)((int *)p - things);

		if (i % 2 == 0)
			continue;
		assert_true(wd_table_remove(&t, hash_of(i), p));
		at--;
	}
	assert_int_equal(t.n, N / 2);
	at = 0;
	while ((p = wd_table_each(&t, &at)))
		assert_int_equal(((int *)p - things) % 2, 0);
	wd_table_release(&t);
}

static void test_atoms_are_counted(void **state)
{
	struct wd_atoms *a;
	char text[16];
	const char *x, *y;

	(void)state;
	assert_int_equal(wd_atoms_new(&a), 0);
	strcpy(text, "app");
	x = wd_atom_get(a, text);
	strcpy(text, "gone");
	y = wd_atom_get(a, "app");
	assert_ptr_equal(x, y);
	assert_string_equal(x, "app");
	assert_int_equal(wd_atoms_count(a), 1);
	wd_atom_put(a, x);
	assert_string_equal(y, "app");
	wd_atom_put(a, y);
	assert_int_equal(wd_atoms_count(a), 0);
	assert_string_equal(wd_atom_get(a, ""), "");
	assert_int_equal(wd_atoms_count(a), 0);
	wd_atom_put(a, wd_atom_get(a, ""));
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "n%u", i);
		assert_non_null(wd_atom_get(a, text));
	}
	assert_int_equal(wd_atoms_count(a), 1000);
	wd_atoms_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_a_set_of_pairs),
		cmocka_unit_test(test_same_pair_twice),
		cmocka_unit_test(test_removing_while_walking_misses_none),
		cmocka_unit_test(test_atoms_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
