/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a situation; its texts are valid until the next question. */
#ifndef WD_TESTS_DIAGNOSE_ASKING_H
#define WD_TESTS_DIAGNOSE_ASKING_H

#include "situation.h"

static struct wd_arena arena;

static inline int arena_open(void **state)
{
	(void)state;
	return wd_arena_init(&arena, 32 << 10);
}

static inline int arena_close(void **state)
{
	(void)state;
	wd_arena_release(&arena);
	return 0;
}

#define ask(...) ask_steps((const step_fn[STEPS_MAX]){__VA_ARGS__})

static inline struct wd_finding ask_steps(const step_fn *steps)
{
	static struct situation s;
	struct wd_finding f;

	build(&s, steps);
	judge(&s, &arena, &f);
	return f;
}

#define assert_cause(f, c) assert_string_equal(wd_cause_id((f).cause), c)

#endif
