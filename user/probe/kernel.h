/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the running kernel's BTF says: names of its drop and reset reasons, and the
 * prototypes of its tracepoints. Numbers move between releases (NETFILTER_DROP is 7 on
 * 6.1, 8 on 6.12, 12 on 6.18), so nothing is known here but names.
 */
#ifndef WD_PROBE_KERNEL_H
#define WD_PROBE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

struct btf;
struct name_index;

struct wd_kernel {
	struct btf *btf; /* of the kernel itself, without its modules; NULL once forgotten */
	struct name_index *index;
	uint32_t n_index;
	char *drop_reason[WD_REASON_SLOTS]; /* without SKB_DROP_REASON_; NULL none */
	char *reset_reason[64];             /* without SK_RST_REASON_ */
	bool kfree_has_reason;
	bool reset_has_reason;
	/* Hash maps may take memory in any context (kernel/bpf/memalloc.c, 6.1). Before, the
	 * verifier warns in the kernel's log of maps that a tracing program might make grow. */
	bool allocates_anywhere;
};

/* -ENOENT: this kernel has no BTF. */
int wd_kernel_read(struct wd_kernel *ret);
/* Frees what the two questions below need (several MB); names and prototypes stay. */
void wd_kernel_forget_types(struct wd_kernel *k);
void wd_kernel_release(struct wd_kernel *k);
/* BTF id of a function, 0 when there is none; whether a tracepoint exists. */
int wd_kernel_function(const struct wd_kernel *k, const char *name);
bool wd_kernel_tracepoint(const struct wd_kernel *k, const char *name);
const char *wd_kernel_drop_reason(const struct wd_kernel *k, uint32_t reason);
const char *wd_kernel_reset_reason(const struct wd_kernel *k, int32_t reason);
/* True for reasons that never tell of a failed connection: the packet did its work, was
 * a copy, or its socket was already closed. */
bool wd_drop_reason_ignored(const char *name);

#endif
