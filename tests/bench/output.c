/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row 5, second half: findings a second as JSON Lines to /dev/null and to a pipe whose reader
 * runs on the other CPU. Baseline: the same bytes, written without being made anew.
 */
#include <fcntl.h>
#include <pthread.h>

#include "tests/bench/bench.h"

#include "output/output.h"

#define CPU        0
#define READER_CPU 1
#define FINDINGS   2000
#define ROUNDS     200
#define TARGET     1e6

static void *drain(void *arg)
{
	static char buf[1 << 16];
	int fd = *(int *)arg;

	bench_pin(READER_CPU);
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	return NULL;
}

static void write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w <= 0)
			bench_die("write: %s", strerror(errno));
		p += w;
		n -= (size_t)w;
	}
}

static void sample(struct wd_finding *f)
{
	memset(f, 0, sizeof(*f));
	f->id = 17;
	f->final = true;
	f->wall_ns = 1795348800218000000ull;
	f->cause = WD_CAUSE_UNKNOWN + 1;
	f->summary =
		"the SYN to 10.96.0.10:443 was dropped by a netfilter rule in the namespace of "
		"the node, at the hook forward";
	f->where = "this node, hook forward, device veth1234567 (NETFILTER_DROP in nf_hook_slow)";
	f->next[f->n_next++] =
		"look for the rule whose counter grows: iptables-save -c | grep DROP";
	f->next[f->n_next++] = "kubectl -n shop get networkpolicy";
	f->proto = 6;
	wd_addr_parse("10.244.0.17", &f->client.ip);
	f->client.port = 43210;
	snprintf(f->client.pod.ns, sizeof(f->client.pod.ns), "shop");
	snprintf(f->client.pod.name, sizeof(f->client.pod.name), "cart-7d4b9c6f5-x2x7k");
	f->client.pid = 4711;
	f->client.comm = "curl";
	wd_addr_parse("10.96.0.10", &f->target.ip);
	f->target.port = 443;
	f->attempts = 3;
	f->elapsed_ms = 3120;
	f->drop.known = true;
	f->drop.reason = "NETFILTER_DROP";
	f->drop.function = "nf_hook_slow";
	f->drop.hook = "forward";
	f->drop.device = "veth1234567";
	f->drop.count = 3;
	f->evidence[f->n_evidence++] =
		(struct wd_evidence){"event", "3 SYN in 3.1 s, none answered"};
	f->evidence[f->n_evidence++] =
		(struct wd_evidence){"drop", "3 packets dropped at hook forward (NETFILTER_DROP)"};
}

struct job {
	struct wd_buf buf, made;
	struct wd_finding finding;
	int fd;
};

static void make_and_write(struct job *j)
{
	for (unsigned int i = 0; i < FINDINGS; i++) {
		j->finding.id++;
		wd_json_finding(&j->buf, &j->finding, "node-1");
		/* a pipe takes 64 KiB; trace writes what one poll has found */
		if (j->buf.len > 60000) {
			write_all(j->fd, j->buf.data, j->buf.len);
			wd_buf_reset(&j->buf);
		}
	}
	write_all(j->fd, j->buf.data, j->buf.len);
	if (j->buf.err)
		bench_die("output buffer");
	wd_buf_reset(&j->buf);
}

static void only_write(struct job *j)
{
	for (size_t done = 0; done < j->made.len; done += 60000)
		write_all(j->fd, j->made.data + done,
		          j->made.len - done < 60000 ? j->made.len - done : 60000);
}

/* ns a finding: wall time, since a pipe's reader may be the slower side. */
static struct bench_quartiles measure(struct job *j, void (*work)(struct job *))
{
	double v[ROUNDS];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t start = bench_now();

		work(j);
		v[i] = (double)(bench_now() - start) / FINDINGS;
	}
	return bench_quartiles(v, ROUNDS);
}

static void show(struct job *j, const char *what)
{
	struct bench_quartiles base = measure(j, only_write), q = measure(j, make_and_write);

	bench_row("5\tfindings as JSON to %s (%zu bytes each)\twrite alone %.0f ns\t%.2f M/s "
	          "[%.2f, %.2f], %.0f ns each\t>= 1 M/s\t%s",
	          what, j->made.len / FINDINGS, base.median, 1e3 / q.median, 1e3 / q.q3, 1e3 / q.q1,
	          q.median, bench_verdict(1e9 / q.median >= TARGET));
}

int main(void)
{
	static struct job j;
	pthread_t reader;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), ends[2];

	bench_pin(CPU);
	wd_buf_init(&j.buf, 8u << 20);
	wd_buf_init(&j.made, 8u << 20);
	sample(&j.finding);
	for (unsigned int i = 0; i < FINDINGS; i++)
		wd_json_finding(&j.made, &j.finding, "node-1");
	j.fd = null;
	show(&j, "/dev/null");
	if (pipe2(ends, O_CLOEXEC) < 0 || pthread_create(&reader, NULL, drain, &ends[0]) != 0)
		bench_die("pipe");
	j.fd = ends[1];
	show(&j, "a pipe");
	close(ends[1]);
	pthread_join(reader, NULL);
	return 0;
}
