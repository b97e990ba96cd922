/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "diagnose/diagnose.h"

const char *wd_errno_name(struct wd_arena *a, int err)
{
	const char *name = strerrorname_np(err);

	return name ? name : wd_arena_printf(a, "errno %d", err);
}
