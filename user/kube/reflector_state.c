/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "kube/reflector_internal.h"

void wd_reflector_publish(struct wd_reflector *r)
{
	r->told = wd_clock_monotonic_ns();
	r->state.skipped = r->skipped + (r->split ? wd_split_skipped(r->split) : 0);
	r->state.problem = r->problem[0] ? r->problem : NULL;
	if (r->heard)
		r->state.as_of_ns = r->heard + (uint64_t)wd_clock_wall_offset_ns();
	wd_store_set_state(r->env->store, r->kind, &r->state);
}

static void say(struct wd_reflector *r, const char *text)
{
	char line[sizeof(r->problem) + 64];

	if (!r->env->log)
		return;
	snprintf(line, sizeof(line), "%s: %s", wd_resource_plural(r->kind), text);
	r->env->log(line, r->env->ctx);
}

/* The same problem is told once. */
__attribute__((format(printf, 2, 3))) void wd_reflector_problem(struct wd_reflector *r,
                                                                const char *fmt, ...)
{
	char text[sizeof(r->problem)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->state.live = false;
	if (strcmp(text, r->problem) != 0) {
		memcpy(r->problem, text, sizeof(text));
		say(r, r->problem);
	}
	wd_reflector_publish(r);
}

void wd_reflector_good(struct wd_reflector *r, bool live)
{
	bool was_bad = r->problem[0];

	r->problem[0] = '\0';
	r->state.live = live;
	r->state.absent = false;
	if (was_bad)
		say(r, "answered again");
	wd_reflector_publish(r);
}

/* The source confirmed what we have. Told once a second: setting the state copies it. */
void wd_reflector_confirm(struct wd_reflector *r)
{
	r->heard = wd_clock_monotonic_ns();
	if (r->heard - r->told >= WD_NSEC_PER_SEC)
		wd_reflector_publish(r);
}
