/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs of the packet hooks: bpf/wire.bpf.c, loaded in up to three copies that differ
 * in what the verifier may leave out, and share all maps and variables.
 */
#ifndef WD_PROBE_HOOKS_WIRE_H
#define WD_PROBE_HOOKS_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/wire.h"
#include "probe/probe.h"

enum wd_wire_copy {
	WD_WIRE_ETHERNET, /* tc, both directions */
	WD_WIRE_BARE,     /* the same, for devices without link-layer header */
	WD_WIRE_XDP,
	WD_WIRE_COPY_MAX,
};

struct wd_wires;

/* The probe must outlive it. Loads nothing yet. */
int wd_wires_new(struct wd_probe *p, bool snap, struct wd_wires **ret);
void wd_wires_free(struct wd_wires *w);
/* Loads a copy if that was not done yet. err: what the kernel answered. */
int wd_wires_load(struct wd_wires *w, enum wd_wire_copy copy, char err[WD_PROBE_ERRLEN]);

/* Descriptors of loaded programs. */
int wd_wires_in(const struct wd_wires *w, enum wd_wire_copy copy);
int wd_wires_out(const struct wd_wires *w, enum wd_wire_copy copy);
int wd_wires_xdp(const struct wd_wires *w);

/* Does nothing while no copy is loaded. */
void wd_wires_heartbeat(struct wd_wires *w, uint64_t now_ns);
int wd_wires_watch(struct wd_wires *w, const struct wd_abi_tuple *t);
struct wd_wire_count wd_wires_count(const struct wd_wires *w);

#endif
