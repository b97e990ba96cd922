/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API said last, in one file, for the time when the API cannot be asked.
 *
 * JSON lines: {"whydrop_state":1,…}, then for each resource a line of its state and its objects
 * in Kubernetes' own shapes (encode.h), then {"end":true}. The file is made and replaced
 * as a whole, owner-only. It is believed only if it belongs to who runs whydrop and nobody else may
 * write to it; symbolic links are not followed. It is read as a whole or not at all.
 */
#ifndef WD_KUBE_STATE_H
#define WD_KUBE_STATE_H

#include <stdint.h>

#include "model/store.h"

#define WD_STATE_VERSION 1
#define WD_STATE_ERRLEN  512

struct wd_state_info {
	uint64_t saved_ns; /* wall clock */
	char node[256];    /* "" unknown */
	char server[512];  /* URL; "" unknown */
};

/* The directory must exist. With err: "PATH: reason". */
int wd_state_save(const char *path, const struct wd_store *store, const struct wd_state_info *info,
                  char err[WD_STATE_ERRLEN]);
/*
 * Makes a store of it. What was live is not any more. -ENOENT: there is none. -EPERM: it is not to
 * be trusted. -EPROTO: broken, foreign, or of a later version. With err: "PATH: line 3: reason".
 */
int wd_state_load(const char *path, struct wd_store **ret, struct wd_state_info *ret_info,
                  char err[WD_STATE_ERRLEN]);
/* The same of bytes, for tests: err without path. */
int wd_state_parse(const char *bytes, size_t n, struct wd_store **ret,
                   struct wd_state_info *ret_info, char err[WD_STATE_ERRLEN]);

#endif
