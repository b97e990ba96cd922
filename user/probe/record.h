/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a record of the ring to an event: checked, then translated. The ring is
 * memory that the kernel writes, but a record is still believed only after its
 * version, type and size fit.
 */
#ifndef WD_PROBE_RECORD_H
#define WD_PROBE_RECORD_H

#include <stddef.h>

#include "base/intern.h"
#include "bpf/abi.h"
#include "model/event.h"
#include "probe/kernel.h"
#include "probe/ksyms.h"

struct wd_record_names {
	const struct wd_kernel *kernel;
	struct wd_ksyms *ksyms;    /* may be NULL: no function names */
	struct wd_intern *strings; /* may be NULL: no names of tables and chains */
};

/* -EPROTO: wrong version or type; -EMSGSIZE: wrong size. The key of a drop (its place in
 * the reader's table) is left 0. */
int wd_record_parse(const void *data, size_t size, const struct wd_record_names *names,
                    struct wd_event *ret);

#endif
