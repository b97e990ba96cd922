/* SPDX-License-Identifier: Apache-2.0 */
/* Each way of each point, tried alone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/load.h"

struct wd_probe_trial {
	struct wd_kernel kernel;
	bool may_read;
};

int wd_probe_trial_new(struct wd_probe_trial **ret, char err[WD_PROBE_ERRLEN])
{
	struct wd_probe_trial *t = calloc(1, sizeof(*t));
	int r = t ? wd_kernel_read(&t->kernel) : -ENOMEM;

	if (r < 0) {
		snprintf(err, WD_PROBE_ERRLEN, "read the kernel's BTF: %s", strerror(-r));
		free(t);
		return r;
	}
	t->may_read = wd_load_may_read();
	*ret = t;
	return 0;
}

void wd_probe_trial_free(struct wd_probe_trial *t)
{
	if (!t)
		return;
	wd_kernel_release(&t->kernel);
	free(t);
}

unsigned int wd_probe_trial_point(struct wd_probe_trial *t, enum wd_point point,
                                  struct wd_probe_attempt ret[WD_PROBE_ATTEMPTS_MAX])
{
	const struct wd_rung *ladder = wd_ladder(point);
	const struct wd_load l = {.kernel = &t->kernel,
	                          .fentry = true,
	                          .kprobe = true,
	                          .may_read = t->may_read,
	                          .ring_bytes = 4096};
	unsigned int n;

	for (n = 0; n < WD_PROBE_ATTEMPTS_MAX && ladder[n].programs[0]; n++) {
		struct wd_set s;

		ret[n].way = ladder[n].way;
		ret[n].lost = ladder[n].lost;
		ret[n].err[0] = '\0';
		if (!t->may_read) {
			bool of_use = wd_ladder_locked_down(point, &ret[n].lost);

			if (!of_use ||
			    (ladder[n].way != WD_WAY_FENTRY && ladder[n].way != WD_WAY_TP_BTF)) {
				ret[n].result = -EPERM;
				snprintf(ret[n].err, sizeof(ret[n].err),
				         "kernel lockdown forbids reading kernel memory");
				continue;
			}
		}
		ret[n].result = wd_set_try(&s, &l, point, (int)n, ret[n].err);
		wd_set_release(&s);
	}
	return n;
}

const char *wd_probe_trial_superfluous(const struct wd_probe_trial *t, enum wd_point point)
{
	return wd_load_superfluous(&t->kernel, point);
}
