/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

/* Room for single addresses where it must be taken at once. */
#define HOSTS_PREALLOCATED 16384

/* libbpf speaks through a global: its first warning is kept as the kernel's answer. */
static char last_warning[256];

static int on_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[512];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	/* the first line says what failed; verifier logs follow, and are long */
	if (!last_warning[0] && strncmp(line, "libbpf: ", 8) == 0)
		snprintf(last_warning, sizeof(last_warning), "%.240s", line + 8);
	return 0;
}

static void listen_to_libbpf(void)
{
	last_warning[0] = '\0';
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(on_print);
}

static int say(char err[WD_PROBE_ERRLEN], int r, const char *what)
{
	snprintf(err, WD_PROBE_ERRLEN, "%s: %s%s%s", what, strerror(-r),
	         last_warning[0] ? ": " : "", last_warning);
	return r;
}

/* The program that libbpf's warning is about, if it names one: "prog 'NAME': ...". */
static enum wd_point blamed_point(void)
{
	char name[64];

	if (sscanf(last_warning, "prog '%63[^']'", name) != 1)
		return WD_POINT_MAX;
	return wd_ladder_point_of(name);
}

/* ---- what a kernel has -------------------------------------------------------------- */

bool wd_load_fentry_works(const struct wd_kernel *k, char err[WD_PROBE_ERRLEN])
{
	/* r0 = 0; exit */
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	int prog, link, r;

	listen_to_libbpf();
	opts.attach_btf_id = (uint32_t)wd_kernel_function(k, "tcp_connect");
	if (!opts.attach_btf_id) {
		snprintf(err, WD_PROBE_ERRLEN, "BTF does not know tcp_connect");
		return false;
	}
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "wd_fentry", "Dual BSD/GPL", insns,
	                     sizeof(insns) / sizeof(insns[0]), &opts);
	if (prog < 0) {
		say(err, prog, "load");
		return false;
	}
	link = bpf_raw_tracepoint_open(NULL, prog);
	r = link < 0 ? -errno : 0;
	if (link >= 0)
		close(link);
	else
		say(err, r, "attach");
	close(prog);
	return r == 0;
}

bool wd_load_may_read(void)
{
	/* bpf_probe_read_kernel(fp - 8, 8, NULL); return 0 */
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int prog = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "wd_read", "Dual BSD/GPL", insns,
	                         sizeof(insns) / sizeof(insns[0]), NULL);

	if (prog >= 0)
		close(prog);
	/* lockdown takes the helper away (EINVAL); other refusals have other reasons */
	return prog != -EINVAL;
}

bool wd_load_kprobe_works(void)
{
	/* the ways in which a kprobe is made: perf_event, or the files of tracefs */
	static const char *const interfaces[] = {
		"/sys/bus/event_source/devices/kprobe/type",
		"/sys/kernel/tracing/kprobe_events",
		"/sys/kernel/debug/tracing/kprobe_events",
	};

	for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++)
		if (access(interfaces[i], F_OK) == 0)
			return true;
	return false;
}

const char *wd_load_superfluous(const struct wd_kernel *k, enum wd_point point)
{
	if (point == WD_POINT_REFUSE && k->reset_has_reason)
		return "tcp_send_reset tells of these, too, in this kernel";
	return NULL;
}

static const char *program_name(const struct wd_rung *r, unsigned int i, bool *ret_optional)
{
	*ret_optional = r->programs[i][0] == '?';
	return r->programs[i] + *ret_optional;
}

/* False when the kernel's BTF says that there is no such function or tracepoint. */
static bool in_btf(const struct wd_kernel *k, const struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog), *slash = strchr(section, '/');

	if (!slash)
		return true;
	if (strncmp(section, "fentry/", 7) == 0 || strncmp(section, "fexit/", 6) == 0)
		return wd_kernel_function(k, slash + 1) != 0;
	if (strncmp(section, "tp_btf/", 7) == 0 || strncmp(section, "raw_tp/", 7) == 0)
		return wd_kernel_tracepoint(k, slash + 1);
	return true;
}

static bool rung_in_btf(const struct wd_load *l, const struct wd_bpf *skel, enum wd_point point,
                        const struct wd_rung *rung)
{
	bool optional;

	/* functions of modules: only trying tells */
	if (wd_point_kind(point) == WD_KIND_DEMAND)
		return true;
	for (unsigned int i = 0; rung->programs[i]; i++) {
		const char *name = program_name(rung, i, &optional);
		const struct bpf_program *prog = bpf_object__find_program_by_name(skel->obj, name);

		if (!optional && prog && !in_btf(l->kernel, prog))
			return false;
	}
	return true;
}

static bool usable(const struct wd_load *l, enum wd_point point, enum wd_way way)
{
	const char *lost;

	if (l->may_read)
		return true;
	return wd_ladder_locked_down(point, &lost) &&
	       (way == WD_WAY_FENTRY || way == WD_WAY_TP_BTF);
}

static int next_rung(const struct wd_load *l, enum wd_point point, int from)
{
	const struct wd_rung *ladder = wd_ladder(point);

	if (l->o && l->o->forced[point])
		return from < 0 ? wd_ladder_find(point, l->o->force[point]) : -1;
	if (wd_load_superfluous(l->kernel, point))
		return -1;
	for (int i = from + 1; ladder[i].programs[0]; i++)
		if (usable(l, point, ladder[i].way) &&
		    (ladder[i].way != WD_WAY_FENTRY || l->fentry) &&
		    (ladder[i].way != WD_WAY_KPROBE || l->kprobe))
			return i;
	return -1;
}

/* ---- load ------------------------------------------------------------------------------ */

static void settings(const struct wd_set *s, const struct wd_load *l)
{
	struct wd_bpf *skel = s->skel;
	const struct wd_kernel *k = l->kernel;

	skel->rodata->wd_kfree_has_reason = k->kfree_has_reason;
	skel->rodata->wd_reset_has_reason = k->reset_has_reason;
	skel->rodata->wd_snap = l->o && l->o->snap;
	skel->rodata->wd_may_read = l->may_read;
	skel->rodata->wd_have_destroy = s->rung[WD_POINT_DESTROY] >= 0;
	skel->rodata->wd_have_tcp_connect = s->rung[WD_POINT_TCP_CONNECT] >= 0;
	for (unsigned int i = 0; i < WD_REASON_SLOTS; i++)
		skel->rodata->wd_reason_ignored[i] = k->drop_reason[i] &&
		                                     wd_drop_reason_ignored(k->drop_reason[i]);
}

/* What one instance writes, the other reads: all maps but its own settings. */
static int share_maps(struct wd_bpf *skel, const struct wd_bpf *from)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, skel->obj)
	{
		const struct bpf_map *other;

		if (bpf_map__is_internal(map))
			continue;
		other = bpf_object__find_map_by_name(from->obj, bpf_map__name(map));
		if (other && bpf_map__reuse_fd(map, bpf_map__fd(other)) < 0)
			return -errno;
	}
	return 0;
}

static int open_object(struct wd_set *s, char err[WD_PROBE_ERRLEN])
{
	struct bpf_program *prog;

	listen_to_libbpf();
	s->skel = wd_bpf__open();
	if (!s->skel)
		return say(err, -errno, "open the BPF object");
	if (s->skel->rodata->wd_abi != WD_ABI) {
		snprintf(err, WD_PROBE_ERRLEN,
		         "the BPF object speaks record version %u, this program version %u: "
		         "they were built from different sources",
		         s->skel->rodata->wd_abi, WD_ABI);
		return -EPROTO;
	}
	bpf_object__for_each_program(prog, s->skel->obj) bpf_program__set_autoload(prog, false);
	return 0;
}

static int choose_programs(struct wd_set *s, const struct wd_load *l, enum wd_point point,
                           char err[WD_PROBE_ERRLEN])
{
	const struct wd_rung *rung = &wd_ladder(point)[s->rung[point]];
	struct bpf_program *prog;
	bool optional;

	for (unsigned int i = 0; rung->programs[i]; i++) {
		const char *name = program_name(rung, i, &optional);

		prog = bpf_object__find_program_by_name(s->skel->obj, name);
		if (!prog)
			return say(err, -ENOENT, name);
		if (!optional || in_btf(l->kernel, prog))
			bpf_program__set_autoload(prog, true);
	}
	return 0;
}

/* Before 5.11 maps count against the limit of locked memory, which libbpf can raise only with
 * CAP_SYS_RESOURCE. */
static void hint_memlock(char err[WD_PROBE_ERRLEN])
{
	size_t n = strlen(err);
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < 64u << 20)
		snprintf(err + n, WD_PROBE_ERRLEN - n,
		         " (before Linux 5.11: is RLIMIT_MEMLOCK too low? ulimit -l unlimited)");
}

static int load_chosen(struct wd_set *s, const struct wd_load *l, char err[WD_PROBE_ERRLEN])
{
	int r = 0;

	for (unsigned int i = 0; i < WD_POINT_MAX && r == 0; i++)
		if (s->rung[i] >= 0)
			r = choose_programs(s, l, (enum wd_point)i, err);
	if (r < 0)
		return r;
	if (l->verdicts)
		bpf_program__set_autoload(l->reporter_btf ? s->skel->progs.wd_verdict_btf
		                                          : s->skel->progs.wd_verdict_raw,
		                          true);
	settings(s, l);
	if (l->ring_bytes)
		bpf_map__set_max_entries(s->skel->maps.wd_ring, l->ring_bytes);
	if (!l->kernel->allocates_anywhere) {
		bpf_map__set_map_flags(s->skel->maps.wd_hosts, 0);
		bpf_map__set_max_entries(s->skel->maps.wd_hosts, HOSTS_PREALLOCATED);
	}
	if (l->share) {
		r = share_maps(s->skel, l->share);
		if (r < 0)
			return say(err, r, "share maps");
	}
	r = wd_bpf__load(s->skel);
	if (r == 0)
		return 0;
	say(err, r, "load");
	if (r == -EPERM)
		hint_memlock(err);
	return r;
}

/* ---- attach ------------------------------------------------------------------------------ */

static void detach_point(struct wd_set *s, enum wd_point point)
{
	for (unsigned int i = 0; i < WD_RUNG_PROGRAMS_MAX; i++) {
		bpf_link__destroy(s->links[point][i]);
		s->links[point][i] = NULL;
	}
}

static int attach_point(struct wd_set *s, enum wd_point point, char err[WD_PROBE_ERRLEN])
{
	const struct wd_rung *rung = &wd_ladder(point)[s->rung[point]];
	bool optional;

	/* in reverse order: what returns is seen to return before it is seen to begin */
	for (unsigned int n = WD_RUNG_PROGRAMS_MAX; n > 0; n--) {
		struct bpf_program *prog;
		int r;

		if (!rung->programs[n - 1])
			continue;
		prog = bpf_object__find_program_by_name(s->skel->obj,
		                                        program_name(rung, n - 1, &optional));
		if (optional && !bpf_program__autoload(prog))
			continue;
		last_warning[0] = '\0';
		s->links[point][n - 1] = bpf_program__attach(prog);
		if (s->links[point][n - 1])
			continue;
		r = -errno;
		if (optional && r == -ENOENT)
			continue;
		detach_point(s, point);
		return say(err, r, "attach");
	}
	return 0;
}

/* Where the kernel refuses only now, the point goes on to its next rung, later; true when for
 * that all must be loaded anew. */
static bool attach_all(struct wd_set *s, const struct wd_load *l, char err[WD_PROBE_ERRLEN])
{
	bool again = false;

	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		enum wd_point point = (enum wd_point)i;

		if (s->rung[i] < 0 || attach_point(s, point, err) == 0)
			continue;
		/* the others' programs were told that these are there */
		if (point == WD_POINT_DESTROY || point == WD_POINT_TCP_CONNECT ||
		    wd_point_kind(point) == WD_KIND_DEMAND) {
			s->rung[i] = next_rung(l, point, s->rung[i]);
			again = true;
		} else {
			s->late[i] = next_rung(l, point, s->rung[i]);
			s->rung[i] = -1;
		}
	}
	return again;
}

/* ---- all together -------------------------------------------------------------------------- */

static void unload(struct wd_set *s)
{
	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		detach_point(s, (enum wd_point)i);
	wd_bpf__destroy(s->skel);
	s->skel = NULL;
}

void wd_set_release(struct wd_set *s)
{
	unload(s);
	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		s->rung[i] = s->late[i] = -1;
}

int wd_set_try(struct wd_set *s, const struct wd_load *l, enum wd_point point, int rung,
               char err[WD_PROBE_ERRLEN])
{
	int r;

	memset(s, 0, sizeof(*s));
	for (unsigned int i = 0; i < WD_POINT_MAX; i++)
		s->rung[i] = s->late[i] = -1;
	s->rung[point] = rung;
	r = open_object(s, err);
	if (r == 0)
		r = load_chosen(s, l, err);
	if (r == 0)
		r = attach_point(s, point, err);
	return r;
}

/* Slow way, when libbpf does not say which program the kernel refused. */
static void choose_by_trial(struct wd_set *s, const struct wd_load *l, char err[WD_PROBE_ERRLEN])
{
	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		while (s->rung[i] >= 0) {
			struct wd_set one;
			int r = wd_set_try(&one, l, (enum wd_point)i, s->rung[i], err);

			wd_set_release(&one);
			if (r == 0)
				break;
			s->rung[i] = next_rung(l, (enum wd_point)i, s->rung[i]);
		}
	}
}

int wd_set_bring_up(struct wd_set *s, const struct wd_load *l, const bool wanted[WD_POINT_MAX],
                    char err[WD_PROBE_ERRLEN])
{
	bool tried = false;
	int r;

	memset(s, 0, sizeof(*s));
	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		s->late[i] = -1;
		s->rung[i] = !wanted[i] ? -1
		             : l->from  ? l->from[i]
		                        : next_rung(l, (enum wd_point)i, -1);
	}
	/* each round takes at least one rung off a ladder */
	for (unsigned int round = 0; round <= WD_POINT_MAX * WD_RUNGS_MAX; round++) {
		enum wd_point blamed;

		r = open_object(s, err);
		if (r < 0)
			break;
		for (unsigned int i = 0; i < WD_POINT_MAX; i++)
			while (s->rung[i] >= 0 && !(l->o && l->o->forced[i]) &&
			       !rung_in_btf(l, s->skel, (enum wd_point)i,
			                    &wd_ladder((enum wd_point)i)[s->rung[i]]))
				s->rung[i] = next_rung(l, (enum wd_point)i, s->rung[i]);
		r = load_chosen(s, l, err);
		if (r == 0 && !attach_all(s, l, err))
			return 0;
		blamed = r < 0 ? blamed_point() : WD_POINT_MAX;
		unload(s);
		if (r == 0)
			continue;
		if (blamed != WD_POINT_MAX && s->rung[blamed] >= 0) {
			s->rung[blamed] = next_rung(l, blamed, s->rung[blamed]);
		} else {
			if (tried)
				break;
			tried = true;
			choose_by_trial(s, l, err);
		}
	}
	wd_set_release(s);
	return r < 0 ? r : -ELOOP;
}

enum wd_way wd_set_way(const struct wd_set *s, enum wd_point point)
{
	return s->rung[point] < 0 ? WD_WAY_NONE : wd_ladder(point)[s->rung[point]].way;
}
