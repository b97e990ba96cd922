/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/failure.h"

#include <stdarg.h>
#include <stdio.h>

const char *wd_kube_stage_name(enum wd_kube_stage s)
{
	static const char *const names[] = {
#define X(id, name) name,
		WD_KUBE_STAGES(X)
#undef X
	};

	return s < WD_KUBE_STAGE_MAX ? names[s] : "none";
}

void wd_kube_failure_set(struct wd_kube_failure *f, enum wd_kube_stage stage, int error,
                         const char *fmt, ...)
{
	va_list ap;

	f->stage = stage;
	f->error = error;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}
