/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes an object shorter before it becomes a tree: of a pod's JSON, most is of no use here
 * (managedFields, env, volumes, statuses of containers), and a tree costs some thirty times the
 * time of passing over it. Pure.
 */
#ifndef WD_KUBE_PRUNE_H
#define WD_KUBE_PRUNE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * Appends the JSON with null in the place of such members, wherever they are; only of those whose
 * value is an array or an object, so that a label named env stays. Nothing within what is left out
 * is checked but its strings and the number of its brackets. False: there is nothing to leave out,
 * it is not JSON, or there is no memory; then the original is to be read.
 */
bool wd_prune(struct wd_buf *out, const char *json, size_t n);

#endif
