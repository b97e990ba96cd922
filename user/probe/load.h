/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Climbing the ladder: one instance of the BPF object, with one rung of each wanted point
 * loaded and attached.
 */
#ifndef WD_PROBE_LOAD_H
#define WD_PROBE_LOAD_H

#include <bpf/libbpf.h>

#include "probe/kernel.h"
#include "probe/ladder.h"
#include "whydrop.skel.h"

struct wd_load {
	const struct wd_kernel *kernel;
	const struct wd_probe_options *o;
	bool fentry;                /* this kernel lets fentry programs load and attach */
	bool kprobe;                /* this kernel offers kprobes */
	bool may_read;              /* programs may read kernel memory */
	const struct wd_bpf *share; /* take the maps of this instance; NULL: own ones */
	const int *from;            /* rung of each point to begin with; NULL: the best */
	uint32_t ring_bytes;        /* 0: default */
	bool verdicts;              /* load what reports verdicts when packets are freed, too: */
	bool reporter_btf;          /* ... by tp_btf, else raw_tp */
};

struct wd_set {
	struct wd_bpf *skel;
	/* Points whose rung loaded but did not attach, and the rung to go on with, in an
	 * instance of its own: taking all the others away for it would cost seconds where
	 * fentry waits for every task. -1: none. */
	int late[WD_POINT_MAX];
	int rung[WD_POINT_MAX]; /* index into the point's ladder; -1: not in use */
	struct bpf_link *links[WD_POINT_MAX][WD_RUNG_PROGRAMS_MAX];
};

/* Does this kernel run fentry programs? Found out with a program of two instructions. */
bool wd_load_fentry_works(const struct wd_kernel *k, char err[WD_PROBE_ERRLEN]);

/* May programs read kernel memory? Not where lockdown is in confidentiality mode. */
bool wd_load_may_read(void);

/* Is there any interface through which a kprobe could be made? */
bool wd_load_kprobe_works(void);

/* NULL, or why this kernel can do without the point. */
const char *wd_load_superfluous(const struct wd_kernel *k, enum wd_point point);

/*
 * Loads and attaches the best rung of each point for which `wanted` is set that the kernel
 * takes. 0 when all is done that can be, even if that is nothing; negative errno when the
 * object as a whole cannot be loaded, with nothing left behind then.
 */
int wd_set_bring_up(struct wd_set *s, const struct wd_load *l, const bool wanted[WD_POINT_MAX],
                    char err[WD_PROBE_ERRLEN]);
/* Exactly this rung, alone: for trials. Releases nothing; wd_set_release() does. */
int wd_set_try(struct wd_set *s, const struct wd_load *l, enum wd_point point, int rung,
               char err[WD_PROBE_ERRLEN]);
void wd_set_release(struct wd_set *s);

enum wd_way wd_set_way(const struct wd_set *s, enum wd_point point);

#endif
