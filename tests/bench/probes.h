/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The product's own probes, switched on and off between short rounds.
 *
 * wd_probe_open() loads and attaches them as `whydrop trace` does. Off: each link's
 * descriptor is replaced by one of /dev/null, which detaches; on: the same programs are
 * attached anew and put in the same places, so that wd_probe_close() needs to know nothing.
 */
#ifndef WD_BENCH_PROBES_H
#define WD_BENCH_PROBES_H

#include <dirent.h>
#include <fcntl.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "probe/probe.h"
#include "tests/bench/bench.h"

struct bench_link {
	int link_fd, prog_fd;
	uint32_t prog_id;
	char raw_tp[64]; /* "" for a BTF-typed program, which knows its own tracepoint */
	char name[BPF_OBJ_NAME_LEN];
};

struct bench_probes {
	struct wd_probe *probe;
	struct wd_targets targets;
	struct bench_link link[WD_POINT_MAX];
	unsigned int n;
	int null_fd;
	bool on;
};

/* ---- foreign programs ---------------------------------------------------------------- */

static inline bool bench_on_path(uint32_t type)
{
	switch (type) {
	case BPF_PROG_TYPE_SOCKET_FILTER:
	case BPF_PROG_TYPE_CGROUP_DEVICE:
	case BPF_PROG_TYPE_CGROUP_SYSCTL:
	case BPF_PROG_TYPE_SYSCALL:
		return false;
	}
	return true;
}

static inline bool bench_is_own(const struct bench_probes *p, uint32_t id)
{
	for (unsigned int i = 0; p && i < p->n; i++)
		if (p->link[i].prog_id == id)
			return true;
	return false;
}

/* The name of a program that somebody else has loaded, or NULL. */
static inline const char *bench_foreign(const struct bench_probes *own)
{
	static char name[64];
	uint32_t id = 0;

	if (getenv("BENCH_FOREIGN"))
		return NULL; /* tests/bench/run says so */

	while (bpf_prog_get_next_id(id, &id) == 0) {
		struct bpf_prog_info info;
		uint32_t len = sizeof(info);
		int fd;

		if (bench_is_own(own, id))
			continue;
		fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && bench_on_path(info.type)) {
			snprintf(name, sizeof(name), "%.15s (id %u)", info.name, id);
			close(fd);
			return name;
		}
		close(fd);
	}
	return NULL;
}

/* Waits for foreign programs to go (those of another test run), for 90 s or BENCH_WAIT in all,
 * then gives up. */
static inline void bench_wait_alone(const struct bench_probes *own)
{
	static uint64_t waited;
	const char *who, *wait = getenv("BENCH_WAIT");
	uint64_t limit = (wait ? strtoull(wait, NULL, 10) : 90) * 1000000000ull;

	while ((who = bench_foreign(own))) {
		if (waited > limit)
			bench_die("foreign BPF program %s on the measured path", who);
		bench_sleep(100000000ull);
		waited += 100000000ull;
	}
}

/* ---- on and off ------------------------------------------------------------------------ */

/* From /proc/self/fdinfo/FD of a BPF link. */
static inline bool bench_link_read(int fd, struct bench_link *l)
{
	char path[64], line[256];
	bool is_link = false;
	FILE *f;

	memset(l, 0, sizeof(*l));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		is_link |= strncmp(line, "link_type:", 10) == 0;
		if (sscanf(line, "prog_id: %u", &l->prog_id) != 1)
			sscanf(line, "tp_name: %63s", l->raw_tp);
	}
	fclose(f);
	l->link_fd = fd;
	return is_link;
}

static inline void bench_link_complete(struct bench_link *l)
{
	struct bpf_prog_info info;
	uint32_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	l->prog_fd = bpf_prog_get_fd_by_id(l->prog_id);
	if (l->prog_fd < 0 || bpf_obj_get_info_by_fd(l->prog_fd, &info, &len) < 0)
		bench_die("program %u: %s", l->prog_id, strerror(errno));
	memcpy(l->name, info.name, sizeof(l->name));
	if (info.type == BPF_PROG_TYPE_TRACING)
		l->raw_tp[0] = '\0';
}

static inline void bench_probes_turn(struct bench_probes *p, bool on)
{
	if (p->on == on)
		return;
	for (unsigned int i = 0; i < p->n; i++) {
		struct bench_link *l = &p->link[i];
		int fd = p->null_fd;

		if (on) {
			fd = bpf_raw_tracepoint_open(l->raw_tp[0] ? l->raw_tp : NULL, l->prog_fd);
			if (fd < 0)
				bench_die("attach %s: %s", l->name, strerror(errno));
		}
		if (dup3(fd, l->link_fd, O_CLOEXEC) < 0)
			bench_die("switch %s: %s", l->name, strerror(errno));
		if (on)
			close(fd);
	}
	p->on = on;
}

/* targets: words as on the command line, separated by blanks. without: a point that is left
 * out, or WD_POINT_MAX. */
static inline void bench_probes_open(struct bench_probes *p, const char *targets,
                                     enum wd_point without)
{
	struct wd_probe_options o = {.targets = &p->targets};
	char err[WD_PROBE_ERRLEN], words[256], *save, *w;
	DIR *d;
	const struct dirent *e;

	memset(p, 0, sizeof(*p));
	snprintf(words, sizeof(words), "%s", targets);
	for (w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		if (wd_targets_add(&p->targets, w) < 0)
			bench_die("bad target %s", w);
	if (without < WD_POINT_MAX) {
		o.forced[without] = true;
		o.force[without] = WD_WAY_NONE;
	}
	if (wd_probe_open(&o, &p->probe, err) < 0)
		bench_die("%s", err);
	p->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	d = opendir("/proc/self/fd");
	while (d && (e = readdir(d)) && p->n < WD_POINT_MAX) {
		if (bench_link_read((int)strtol(e->d_name, NULL, 10), &p->link[p->n])) {
			bench_link_complete(&p->link[p->n]);
			p->n++;
		}
	}
	if (d)
		closedir(d);
	if (!p->n)
		bench_die("found no links of the probes");
	p->on = true;
}

static inline void bench_probes_close(struct bench_probes *p)
{
	for (unsigned int i = 0; i < p->n; i++)
		close(p->link[i].prog_fd);
	wd_probe_close(p->probe);
	close(p->null_fd);
	p->n = 0;
}

static inline void bench_ignore_event(const struct wd_event *e, void *ctx)
{
	(void)e;
	(void)ctx;
}

static inline struct wd_stats bench_probes_stats(struct bench_probes *p)
{
	struct wd_stats s = {0};

	wd_probe_poll(p->probe, 1u << 20, bench_ignore_event, NULL);
	wd_probe_stats(p->probe, &s);
	return s;
}

static inline struct bpf_prog_info bench_prog_info(int fd)
{
	struct bpf_prog_info info;
	uint32_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		bench_die("program info: %s", strerror(errno));
	return info;
}

#endif
