/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows 12, 13, 15 and 9: exec to all probes attached, SIGTERM to exit, the binary's size, and
 * memory without a cluster.
 */
#include <sys/stat.h>

#include "tests/bench/probes.h"
#include "tests/bench/tracer.h"

#define RUNS 30

static void size_of_binary(void)
{
	char cmd[512];
	struct stat st;
	FILE *f;
	long stripped = 0;

	if (stat(bench_tracer_path(), &st) < 0)
		bench_die("%s: %s", bench_tracer_path(), strerror(errno));
	snprintf(cmd, sizeof(cmd), "t=$(mktemp) && strip -o $t %s && stat -c %%s $t && rm -f $t",
	         bench_tracer_path());
	f = popen(cmd, "r");
	if (!f || fscanf(f, "%ld", &stripped) != 1 || pclose(f) != 0)
		bench_die("strip failed");
	bench_row("13\tstatic binary, stripped\t%.2f MB with symbols\t%.2f MB\t<= 8 MB\t%s",
	          (double)st.st_size / 1e6, (double)stripped / 1e6,
	          bench_verdict(stripped <= 8000000));
}

/* fork, exec and exit of a program that does nothing: what starting itself costs here. */
static double bare_start(void)
{
	char path[256];
	uint64_t start = bench_now();
	int ends[2];
	pid_t pid;
	char c;

	if (pipe2(ends, O_CLOEXEC) < 0)
		bench_die("pipe: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s", bench_tracer_path());
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl(path, path, "version", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (pid < 0 || read(ends[0], &c, 1) != 1)
		bench_die("%s version printed nothing", path);
	start = bench_now() - start;
	close(ends[0]);
	waitpid(pid, NULL, 0);
	return (double)start / 1e6;
}

int main(void)
{
	double bare[RUNS], start[RUNS], stop[RUNS];
	uint64_t rss = 0, peak = 0, maps = 0;
	struct bench_quartiles b, q, e;
	struct bench_tracer t;

	bench_wait_alone(NULL);
	for (unsigned int i = 0; i < RUNS; i++) {
		bare[i] = bare_start();
		bench_tracer_start(&t, -1, "all");
		start[i] = (double)(t.started_ns - t.exec_ns) / 1e6;
		bench_sleep(i ? 20000000 : 2500000000ull);
		rss = bench_tracer_status(&t, "VmRSS") > rss ? bench_tracer_status(&t, "VmRSS")
		                                             : rss;
		peak = bench_tracer_status(&t, "VmHWM") > peak ? bench_tracer_status(&t, "VmHWM")
		                                               : peak;
		maps = bench_tracer_map_bytes(&t);
		stop[i] = (double)bench_tracer_stop(&t) / 1e6;
	}
	b = bench_quartiles(bare, RUNS);
	q = bench_quartiles(start, RUNS);
	e = bench_quartiles(stop, RUNS);
	bench_row("12\texec to all probes attached, %d runs\twhydrop version %.1f ms"
	          "\t%.0f ms [%.0f, %.0f], worst %.0f\t<= 150 ms\t%s",
	          RUNS, b.median, q.median, q.q1, q.q3, start[RUNS - 1],
	          bench_verdict(q.median <= 150));
	bench_row(
		"15\tSIGTERM to exit, %d runs\t-\t%.0f ms [%.0f, %.0f], worst %.0f\t<= 500 ms\t%s",
		RUNS, e.median, e.q1, e.q3, stop[RUNS - 1], bench_verdict(stop[RUNS - 1] <= 500));
	bench_row("9\tRSS, no cluster\tpeak %.1f MB, BPF maps %.1f MB\t%.1f MB\t<= 8 MB\t%s",
	          (double)peak / 1024, (double)maps / 1048576, (double)rss / 1024,
	          bench_verdict(rss <= 8192));
	size_of_binary();
	return 0;
}
