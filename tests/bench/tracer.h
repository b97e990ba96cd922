/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real program as a child: `whydrop trace`, its start line, what /proc and its BPF maps
 * say of it, its end. It dies with the benchmark.
 */
#ifndef WD_BENCH_TRACER_H
#define WD_BENCH_TRACER_H

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <bpf/bpf.h>

#include "probe/counters.h"
#include "probe/kernel.h"
#include "tests/bench/bench.h"

struct bench_tracer {
	pid_t pid;
	int out; /* its standard output */
	pthread_t reader;
	_Atomic uint64_t lines;
	uint64_t exec_ns, started_ns;
};

static inline const char *bench_tracer_path(void)
{
	const char *p = getenv("WHYDROP");

	return p ? p : "build/whydrop";
}

/* targets: words separated by blanks. */
static inline void bench_tracer_exec(int out, int cpu, const char *targets)
{
	char path[256], words[256], *argv[16], *save, *w;
	char trace[] = "trace", output[] = "-o", json[] = "json";
	unsigned int n = 0;

	snprintf(path, sizeof(path), "%s", bench_tracer_path());
	snprintf(words, sizeof(words), "%s", targets);
	argv[n++] = path;
	argv[n++] = trace;
	argv[n++] = output;
	argv[n++] = json;
	for (w = strtok_r(words, " ", &save); w && n < 15; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	argv[n] = NULL;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (cpu >= 0)
		bench_pin(cpu);
	dup2(out, STDOUT_FILENO);
	execv(path, argv);
	_exit(127);
}

static inline void *bench_tracer_read(void *arg)
{
	struct bench_tracer *t = arg;
	char buf[1 << 14];
	ssize_t n;

	while ((n = read(t->out, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			t->lines += buf[i] == '\n';
	return NULL;
}

/* Returns when it has printed its start line: all probes are attached. cpu -1: any. */
static inline void bench_tracer_start(struct bench_tracer *t, int cpu, const char *target)
{
	int ends[2];
	char c = 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		bench_die("pipe: %s", strerror(errno));
	/* a consumer that keeps up; the pipe's size only spares switches between the two */
	fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
	t->lines = 0;
	fflush(stdout);
	t->exec_ns = bench_now();
	t->pid = fork();
	if (t->pid == 0)
		bench_tracer_exec(ends[1], cpu, target);
	close(ends[1]);
	t->out = ends[0];
	if (t->pid < 0 || read(t->out, &c, 1) != 1)
		bench_die("%s did not start", bench_tracer_path());
	t->started_ns = bench_now();
	while (c != '\n' && read(t->out, &c, 1) == 1)
		;
	/* from now on its output is read away, so that it need not wait for us */
	if (pthread_create(&t->reader, NULL, bench_tracer_read, t) != 0)
		bench_die("thread");
}

/* SIGTERM to exit, ns. */
static inline uint64_t bench_tracer_stop(struct bench_tracer *t)
{
	uint64_t start = bench_now();
	int status = 0;

	kill(t->pid, SIGTERM);
	if (waitpid(t->pid, &status, 0) < 0)
		bench_die("wait: %s", strerror(errno));
	start = bench_now() - start;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		bench_die("whydrop ended with status %d", status);
	pthread_join(t->reader, NULL);
	close(t->out);
	return start;
}

/* A number of /proc/PID/status, e.g. "VmRSS", "voluntary_ctxt_switches". */
static inline uint64_t bench_tracer_status(const struct bench_tracer *t, const char *key)
{
	char path[64], line[256];
	size_t n = strlen(key);
	uint64_t v = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)t->pid);
	f = fopen(path, "re");
	if (!f)
		bench_die("whydrop is gone");
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, n) == 0 && line[n] == ':')
			v = strtoull(line + n + 1, NULL, 10);
	fclose(f);
	return v;
}

/* The number behind `key` in /proc/PID/fdinfo/FD, 0 when it is none of those. */
static inline uint32_t bench_fdinfo(pid_t pid, const char *fd, const char *key)
{
	char path[300], line[256];
	size_t n = strlen(key);
	uint32_t v = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", (int)pid, fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, n) == 0)
			v = (uint32_t)strtoul(line + n, NULL, 10);
	if (f)
		fclose(f);
	return v;
}

/* A descriptor of one of its maps. */
static inline int bench_tracer_map(const struct bench_tracer *t, const char *name)
{
	char path[64];
	const struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", (int)t->pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		uint32_t id = bench_fdinfo(t->pid, e->d_name, "map_id:");
		struct bpf_map_info info;
		uint32_t len = sizeof(info);
		int fd = id ? bpf_map_get_fd_by_id(id) : -1;

		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		/* names are cut to 15 characters */
		if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
		    strncmp(info.name, name, sizeof(info.name) - 1) == 0) {
			closedir(d);
			return fd;
		}
		close(fd);
	}
	bench_die("whydrop has no map %s", name);
}

/* Memory of all its maps, as the kernel accounts it. */
static inline uint64_t bench_tracer_map_bytes(const struct bench_tracer *t)
{
	char path[64];
	const struct dirent *e;
	uint64_t sum = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", (int)t->pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (bench_fdinfo(t->pid, e->d_name, "map_id:"))
			sum += bench_fdinfo(t->pid, e->d_name, "memlock:");
	if (d)
		closedir(d);
	return sum;
}

/* Runs that the kernel skipped because the program was interrupted by itself. */
static inline uint64_t bench_tracer_misses(const struct bench_tracer *t, const char *name)
{
	char path[64];
	const struct dirent *e;
	uint64_t misses = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", (int)t->pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		uint32_t id = bench_fdinfo(t->pid, e->d_name, "prog_id:");
		struct bpf_prog_info info;
		uint32_t len = sizeof(info);
		int fd = id && !bench_fdinfo(t->pid, e->d_name, "link_id:")
		                 ? bpf_prog_get_fd_by_id(id)
		                 : -1;

		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
		    strncmp(info.name, name, strlen(name)) == 0)
			misses += info.recursion_misses;
		close(fd);
	}
	if (d)
		closedir(d);
	return misses;
}

#endif
