/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a list of pods as the API gives it: cut into objects and parsed one by one, as a list
 * of any length is read, and for comparison the whole document as one tree of jansson. Time and
 * peak memory, each in a process of its own. The pods have the size and the proportions of real
 * ones: 5 KB, a third of it managedFields (FIELD.md, B5).
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/bench/bench.h"

#include <jansson.h>

#include "base/buf.h"
#include "kube/objects.h"
#include "kube/split.h"

#define CPU          0
#define PODS         10000
#define ROUNDS       7
#define PIECE        (64u << 10)
#define TARGET_SPLIT 300.0 /* MB/s */

static bool any_list; /* not the one made here: of unknown length */

/* ---- the document ------------------------------------------------------------------------ */

static void put_managed(struct wd_buf *b)
{
	wd_buf_puts(b, ",\"managedFields\":[{\"manager\":\"kubelet\",\"operation\":\"Update\","
	               "\"apiVersion\":\"v1\",\"time\":\"2026-11-22T12:24:45Z\",\"fieldsType\":"
	               "\"FieldsV1\",\"fieldsV1\":{\"f:status\":{");
	for (unsigned int i = 0; i < 14; i++)
		wd_buf_printf(b,
		              "%s\"k:{\\\"type\\\":\\\"Condition%u\\\"}\":{\".\":{},"
		              "\"f:lastProbeTime\":{},\"f:lastTransitionTime\":{},\"f:status\":{}}",
		              i ? "," : "", i);
	wd_buf_puts(b, "}}}]");
}

static void put_spec(struct wd_buf *b, unsigned int i)
{
	wd_buf_printf(b,
	              "},\"spec\":{\"nodeName\":\"aks-nodepool1-12345678-vmss%06u\","
	              "\"containers\":[{\"name\":\"app\",\"image\":\"registry.example/shop/app@"
	              "sha256:%064u\",\"ports\":[{\"name\":\"http\",\"containerPort\":8080,"
	              "\"protocol\":\"TCP\"}],\"env\":[",
	              i / 100, i);
	for (unsigned int k = 0; k < 16; k++)
		wd_buf_printf(b,
		              "%s{\"name\":\"SETTING_%u\",\"valueFrom\":{\"configMapKeyRef\":{"
		              "\"name\":\"settings\",\"key\":\"setting-%u\",\"optional\":false}}}",
		              k ? "," : "", k, k);
	wd_buf_puts(b, "],\"volumeMounts\":[{\"name\":\"kube-api-access-x2x7k\",\"readOnly\":true,"
	               "\"mountPath\":\"/var/run/secrets/kubernetes.io/serviceaccount\"}]}]},");
}

static void put_status(struct wd_buf *b, unsigned int i)
{
	static const char *const types[] = {"PodReadyToStartContainers", "Initialized", "Ready",
	                                    "ContainersReady", "PodScheduled"};

	wd_buf_puts(b, "\"status\":{\"phase\":\"Running\",\"conditions\":[");
	for (unsigned int k = 0; k < 5; k++)
		wd_buf_printf(b,
		              "%s{\"type\":\"%s\",\"status\":\"True\",\"lastProbeTime\":null,"
		              "\"lastTransitionTime\":\"2026-11-22T12:24:45Z\"}",
		              k ? "," : "", types[k]);
	wd_buf_printf(b, "],\"podIP\":\"10.244.%u.%u\",\"podIPs\":[{\"ip\":\"10.244.%u.%u\"}]}}",
	              i / 256 % 256, i % 256, i / 256 % 256, i % 256);
}

static void document(struct wd_buf *b)
{
	wd_buf_init(b, 256u << 20);
	wd_buf_puts(b, "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{"
	               "\"resourceVersion\":\"368\"},\"items\":[");
	for (unsigned int i = 0; i < PODS; i++) {
		wd_buf_printf(
			b,
			"%s{\"metadata\":{\"name\":\"cart-%u\",\"namespace\":\"shop\",\"uid\":"
			"\"5322f0f3-8437-4a7b-a9ba-%012u\",\"resourceVersion\":\"%u\","
			"\"labels\":{\"app\":\"cart\",\"pod-template-hash\":\"7d4b9c6f5\"}",
			i ? "," : "", i, i, i);
		put_managed(b);
		put_spec(b, i);
		put_status(b, i);
	}
	wd_buf_puts(b, "]}\n");
	if (b->err)
		bench_die("no memory");
}

/* ---- ways of reading it ------------------------------------------------------------------ */

struct reader {
	struct wd_parse *parse;
	uint64_t objects, bytes;
};

static int only_count(const char *json, size_t n, void *ctx)
{
	struct reader *r = ctx;

	(void)json;
	r->objects++;
	r->bytes += n;
	return 0;
}

static int parse_one(const char *json, size_t n, void *ctx)
{
	char err[WD_PARSE_ERRLEN];
	struct reader *r = ctx;
	struct wd_object o;

	if (wd_parse_object(r->parse, WD_RESOURCE_POD, json, n, &o, err))
		bench_die("%s", err);
	r->objects += o.pod.n_ips == 1 && o.pod.ready;
	return 0;
}

static void stream(int fd, int (*each)(const char *, size_t, void *))
{
	static char piece[PIECE];
	struct reader r = {.objects = 0};
	struct wd_split *s;
	ssize_t n;

	if (wd_parse_new(&r.parse) || wd_split_new(WD_SPLIT_LIST, each, &r, &s))
		bench_die("no memory");
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		if (wd_split_feed(s, piece, (size_t)n))
			bench_die("%s", wd_split_error(s));
	if (wd_split_end(s) || r.objects != PODS)
		bench_die("%s: %llu objects", wd_split_error(s), (unsigned long long)r.objects);
	wd_split_free(s);
	wd_parse_free(r.parse);
}

static void split_only(int fd)
{
	stream(fd, only_count);
}

static void split_and_parse(int fd)
{
	stream(fd, parse_one);
}

static void one_tree(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *all = malloc((size_t)size);
	json_t *root;
	size_t n;

	if (!all || pread(fd, all, (size_t)size, 0) != size)
		bench_die("read: %s", strerror(errno));
	root = json_loadb(all, (size_t)size, 0, NULL);
	n = json_array_size(json_object_get(root, "items"));
	if (!n || (!any_list && n != PODS))
		bench_die("jansson did not read it");
	json_decref(root);
	free(all);
}

/* ---- measuring --------------------------------------------------------------------------- */

struct figures {
	struct bench_quartiles seconds;
	double mib; /* peak of the resident set, above that of a process that does nothing */
};

/* Seconds of CPU and peak memory of one reading, in a child. */
static double one_round(int fd, void (*way)(int fd), long *ret_kib)
{
	struct rusage u;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		bench_die("fork: %s", strerror(errno));
	if (pid == 0) {
		lseek(fd, 0, SEEK_SET);
		if (way)
			way(fd);
		_exit(0);
	}
	if (wait4(pid, &status, 0, &u) != pid || status)
		bench_die("a reader failed");
	*ret_kib = u.ru_maxrss;
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static struct figures measure(int fd, void (*way)(int fd))
{
	double seconds[ROUNDS];
	struct figures f = {.mib = 0};
	long idle, kib, most = 0;

	one_round(fd, NULL, &idle);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		seconds[i] = one_round(fd, way, &kib);
		if (kib > most)
			most = kib;
	}
	f.seconds = bench_quartiles(seconds, ROUNDS);
	f.mib = (double)(most - idle) / 1024;
	return f;
}

static void rows(double mb, const struct figures *split, const struct figures *parse,
                 const struct figures *tree)
{
	double rate = mb / split->seconds.median;

	bench_row("-\tlist of %u pods (%.1f MB) cut into objects\t-\t%.0f MB/s [%.0f, %.0f]\t"
	          ">= %.0f MB/s\t%s",
	          PODS, mb, rate, mb / split->seconds.q3, mb / split->seconds.q1, TARGET_SPLIT,
	          bench_verdict(rate >= TARGET_SPLIT));
	bench_row("-\tcut and parsed\tone tree %.0f MB/s\t%.0f MB/s [%.0f, %.0f], %.0f k "
	          "objects/s\t-\t%s",
	          mb / tree->seconds.median, mb / parse->seconds.median, mb / parse->seconds.q3,
	          mb / parse->seconds.q1, PODS / parse->seconds.median / 1e3,
	          BENCH_FOR_INFORMATION);
	bench_row("-\tpeak memory of that\tone tree %.1f MiB\t%.1f MiB\t-\t%s", tree->mib,
	          parse->mib, BENCH_FOR_INFORMATION);
}

/* For tests/bench/cluster: the list on standard input as one tree; MiB, and seconds of CPU. */
static int tree_of_stdin(void)
{
	long idle, kib;
	double seconds;

	any_list = true;
	one_round(STDIN_FILENO, NULL, &idle);
	seconds = one_round(STDIN_FILENO, one_tree, &kib);
	printf("%.1f %.3f\n", (double)(kib - idle) / 1024, seconds);
	return 0;
}

int main(int argc, char **argv)
{
	struct figures split, parse, tree;
	struct wd_buf b;
	double mb;
	int fd;

	if (argc == 2 && strcmp(argv[1], "tree") == 0)
		return tree_of_stdin();
	fd = memfd_create("pods", MFD_CLOEXEC);
	bench_pin(CPU);
	document(&b);
	if (fd < 0 || write(fd, b.data, b.len) != (ssize_t)b.len)
		bench_die("memfd: %s", strerror(errno));
	mb = (double)b.len / 1e6;
	wd_buf_release(&b);
	split = measure(fd, split_only);
	parse = measure(fd, split_and_parse);
	tree = measure(fd, one_tree);
	rows(mb, &split, &parse, &tree);
	return 0;
}
