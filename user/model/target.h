/* SPDX-License-Identifier: Apache-2.0 */
/* What the user asked to watch: a prefix, and maybe a port. */
#ifndef WD_MODEL_TARGET_H
#define WD_MODEL_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "model/hosts.h"

#define WD_TARGETS_MAX   1024
#define WD_TARGET_STRLEN (WD_PREFIX_STRLEN + 10)

struct wd_target {
	struct wd_prefix prefix;
	uint16_t port; /* 0: every port */
};

struct wd_targets {
	bool all;
	size_t n;
	struct wd_target t[WD_TARGETS_MAX];
	/* Those that follow from the cluster and change with it; kept, not owned; NULL none. */
	const struct wd_hosts *hosts;
};

/*
 * "10.0.0.0/16", "10.0.0.1", "10.0.0.0/16:443", "fd00::/64", "[fd00::1]:443",
 * "[fd00::/64]:443", or "all". -EINVAL: not of this form; -ERANGE: host bits behind the
 * prefix length are not zero, or a bad port; -ENOSPC: too many. *ret is
 * untouched on failure.
 */
int wd_targets_add(struct wd_targets *ret, const char *text);
bool wd_targets_match(const struct wd_targets *t, const struct wd_addr *a, uint16_t port);
char *wd_target_format(const struct wd_target *t, char buf[WD_TARGET_STRLEN]);

#endif
