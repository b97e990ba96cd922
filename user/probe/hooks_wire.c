/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/hooks_wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "probe/internal.h"
#include "wire.skel.h"

#define WATCHED_MAX 4096

struct wd_wires {
	struct wd_probe *probe;
	bool snap;
	struct wd_wire *copies[WD_WIRE_COPY_MAX];
	int watched; /* map: may be filled before a copy is loaded; -1 not yet made */
	bool has_watched;
};

int wd_wires_new(struct wd_probe *p, bool snap, struct wd_wires **ret)
{
	struct wd_wires *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->probe = p;
	w->snap = snap;
	w->watched = -1;
	*ret = w;
	return 0;
}

void wd_wires_free(struct wd_wires *w)
{
	if (!w)
		return;
	for (unsigned int i = 0; i < WD_WIRE_COPY_MAX; i++)
		wd_wire__destroy(w->copies[i]);
	if (w->watched >= 0)
		close(w->watched);
	free(w);
}

static struct wd_wire *any_copy(const struct wd_wires *w)
{
	for (unsigned int i = 0; i < WD_WIRE_COPY_MAX; i++)
		if (w->copies[i])
			return w->copies[i];
	return NULL;
}

/* ---- load --------------------------------------------------------------------------- */

/* libbpf speaks through a global: its first warning is kept as the kernel's answer. */
static char first_warning[256];

static int on_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[512];

	if (level != LIBBPF_WARN || first_warning[0])
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "libbpf: ", 8) == 0)
		snprintf(first_warning, sizeof(first_warning), "%.240s", line + 8);
	return 0;
}

/* The descriptor behind a map's name in this copy: the probe's, another copy's, or -1 when
 * it is to be made. *skip: it is declared in a common header, and nothing here uses it. */
static int shared_map(const struct wd_wires *w, const struct bpf_map *m, bool *skip)
{
	struct wd_probe_maps maps = wd_probe_maps(w->probe);
	const char *name = bpf_map__name(m);
	const struct wd_wire *other = any_copy(w);
	const struct bpf_map *twin;

	*skip = false;
	if (strcmp(name, "wd_ring") == 0)
		return maps.ring;
	if (strcmp(name, "wd_hosts") == 0)
		return maps.hosts;
	if (strcmp(name, "wd_nets") == 0)
		return maps.nets;
	if (strcmp(name, "wd_wire_watched") == 0)
		return w->watched;
	if (bpf_map__is_internal(m)) {
		/* settings differ, variables do not */
		twin = other && strcmp(name, bpf_map__name(other->maps.bss)) == 0 ? other->maps.bss
		                                                                  : NULL;
	} else {
		*skip = strncmp(name, "wd_wire_", 8) != 0;
		twin = other ? bpf_object__find_map_by_name(other->obj, name) : NULL;
	}
	return twin ? bpf_map__fd(twin) : -1;
}

static int share_maps(const struct wd_wires *w, struct wd_wire *skel)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, skel->obj)
	{
		bool skip;
		int fd = shared_map(w, m, &skip), r = 0;

		if (skip)
			r = bpf_map__set_autocreate(m, false);
		else if (fd >= 0)
			r = bpf_map__reuse_fd(m, fd);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_watched(struct wd_wires *w)
{
	if (w->watched >= 0)
		return 0;
	w->watched = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "wd_wire_watched",
	                            sizeof(struct wd_abi_tuple), sizeof(uint8_t), WATCHED_MAX,
	                            NULL);
	return w->watched < 0 ? -errno : 0;
}

/* Inode of this process's network namespace; 0 unknown. */
static uint32_t own_netns(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) == 0 ? (uint32_t)st.st_ino : 0;
}

static int try_load(struct wd_wires *w, enum wd_wire_copy copy, bool ct, struct wd_wire **ret)
{
	struct wd_wire *skel = wd_wire__open();
	bool xdp = copy == WD_WIRE_XDP;
	int r;

	if (!skel)
		return -errno;
	skel->rodata->wd_wire_bare = copy == WD_WIRE_BARE;
	skel->rodata->wd_wire_ct = ct;
	skel->rodata->wd_wire_snap = w->snap;
	skel->rodata->wd_wire_netns = own_netns();
	bpf_program__set_autoload(skel->progs.wd_wire_in, !xdp);
	bpf_program__set_autoload(skel->progs.wd_wire_out, !xdp);
	bpf_program__set_autoload(skel->progs.wd_wire_xdp, xdp);
	r = skel->rodata->wd_abi == WD_ABI ? share_maps(w, skel) : -EPROTO;
	if (r == 0)
		r = wd_wire__load(skel);
	if (r < 0) {
		wd_wire__destroy(skel);
		return r;
	}
	*ret = skel;
	return 0;
}

static void start(struct wd_wires *w)
{
	any_copy(w)->bss->wd_wire_has_watched = w->has_watched;
	wd_wires_heartbeat(w, wd_clock_monotonic_ns());
}

int wd_wires_load(struct wd_wires *w, enum wd_wire_copy copy, char err[WD_PROBE_ERRLEN])
{
	libbpf_print_fn_t before;
	int r;

	if (w->copies[copy])
		return 0;
	r = make_watched(w);
	if (r < 0) {
		snprintf(err, WD_PROBE_ERRLEN, "make a map: %s", strerror(-r));
		return r;
	}
	before = libbpf_set_print(on_print);
	first_warning[0] = '\0';
	/*
	 * XDP comes before conntrack. Elsewhere its tuples may not be readable: without
	 * CAP_PERFMON, or where the kernel does not tell the types of its module.
	 *
	 * BPF_F_XDP_HAS_FRAGS would spare the kernel to make one piece of each packet, but
	 * then it forgets the length of the link-layer header: skb_pp_cow_data() makes a new
	 * skb whose mac_len is 0 (6.9, e6d5dbdd20aa; still so in 6.18), and everybody's tc
	 * ingress programs behind it would see frames without that header.
	 */
	r = copy == WD_WIRE_XDP ? -EOPNOTSUPP : try_load(w, copy, true, &w->copies[copy]);
	if (r < 0) {
		first_warning[0] = '\0';
		r = try_load(w, copy, false, &w->copies[copy]);
	}
	libbpf_set_print(before);
	if (r < 0)
		snprintf(err, WD_PROBE_ERRLEN, "load the packet hooks: %s%s%s%s", strerror(-r),
		         first_warning[0] ? ": " : "", first_warning,
		         r == -EPERM ? " (wants CAP_BPF and CAP_NET_ADMIN)" : "");
	else
		start(w);
	return r;
}

int wd_wires_in(const struct wd_wires *w, enum wd_wire_copy copy)
{
	return bpf_program__fd(w->copies[copy]->progs.wd_wire_in);
}

int wd_wires_out(const struct wd_wires *w, enum wd_wire_copy copy)
{
	return bpf_program__fd(w->copies[copy]->progs.wd_wire_out);
}

int wd_wires_xdp(const struct wd_wires *w)
{
	return bpf_program__fd(w->copies[WD_WIRE_XDP]->progs.wd_wire_xdp);
}

/* ---- while loaded ---------------------------------------------------------------------- */

void wd_wires_heartbeat(struct wd_wires *w, uint64_t now_ns)
{
	struct wd_wire *skel = any_copy(w);

	if (!skel)
		return;
	skel->bss->wd_match = wd_probe_match(w->probe);
	skel->bss->wd_wire_heartbeat = now_ns;
}

int wd_wires_watch(struct wd_wires *w, const struct wd_abi_tuple *t)
{
	struct wd_wire *skel = any_copy(w);
	int r = make_watched(w);
	uint8_t one = 1;

	if (r < 0)
		return r;
	if (bpf_map_update_elem(w->watched, t, &one, BPF_ANY) < 0)
		return -errno;
	w->has_watched = true;
	if (skel)
		skel->bss->wd_wire_has_watched = 1;
	return 0;
}

struct wd_wire_count wd_wires_count(const struct wd_wires *w)
{
	const struct wd_wire *skel = any_copy(w);
	struct wd_wire_count sum = {0, 0, 0}, *cpu;
	int cpus = libbpf_num_possible_cpus();
	uint32_t zero = 0;

	if (!skel || cpus <= 0)
		return sum;
	cpu = calloc((size_t)cpus, sizeof(*cpu));
	if (cpu && bpf_map_lookup_elem(bpf_map__fd(skel->maps.wd_wire_counts), &zero, cpu) == 0) {
		for (int i = 0; i < cpus; i++) {
			sum.seen += cpu[i].seen;
			sum.delivered += cpu[i].delivered;
			sum.lost += cpu[i].lost;
		}
	}
	free(cpu);
	return sum;
}
