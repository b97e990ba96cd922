/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces without names: they live as long as a descriptor or a socket of this
 * process, so that nothing is left however it ends. One thread opens sockets in several of
 * them by entering one after the other.
 */
#ifndef WD_BENCH_NET_H
#define WD_BENCH_NET_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "tests/bench/bench.h"

/* Runs a shell command in the namespace of the calling thread. */
__attribute__((format(printf, 1, 2))) static inline void bench_sh(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;
	pid_t pid;
	int status = -1;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-ec", cmd, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		bench_die("'%s' failed (status %d)", cmd, status);
}

static inline void bench_sysctl(const char *path, const char *value)
{
	char file[128];
	FILE *f;

	snprintf(file, sizeof(file), "/proc/sys/%s", path);
	f = fopen(file, "we");
	if (!f || fputs(value, f) < 0 || fclose(f) != 0)
		bench_die("%s = %s: %s", file, value, strerror(errno));
}

static inline void bench_ns_enter(int fd)
{
	if (setns(fd, CLONE_NEWNET) < 0)
		bench_die("enter a network namespace: %s", strerror(errno));
}

/* Makes one, enters it, returns its descriptor. */
static inline int bench_ns_new(void)
{
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		bench_die("make a network namespace: %s", strerror(errno));
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		bench_die("/proc/thread-self/ns/net: %s", strerror(errno));
	/* no neighbour discovery, no router solicitations: only our own packets */
	bench_sysctl("net/ipv6/conf/all/disable_ipv6", "1");
	bench_sysctl("net/ipv6/conf/default/disable_ipv6", "1");
	bench_sh("ip link set lo up");
	return fd;
}

/* A veth between the present namespace and another: addresses with prefix length. */
static inline void bench_veth(const char *dev, const char *addr, int other, const char *other_dev,
                              const char *other_addr)
{
	int self = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	bench_sh("ip link add %s type veth peer name %s netns /proc/%d/fd/%d", dev, other_dev,
	         (int)getpid(), other);
	bench_sh("ip addr add %s dev %s && ip link set %s up", addr, dev, dev);
	bench_ns_enter(other);
	bench_sh("ip addr add %s dev %s && ip link set %s up", other_addr, other_dev, other_dev);
	bench_ns_enter(self);
	close(self);
}

static inline struct sockaddr_in bench_addr(const char *ip, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		bench_die("bad address %s", ip);
	return a;
}

static inline int bench_bound(int type, const struct sockaddr_in *a)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (const struct sockaddr *)a, sizeof(*a)) < 0)
		bench_die("socket: %s", strerror(errno));
	if (type == SOCK_STREAM && listen(fd, 4096) < 0)
		bench_die("listen: %s", strerror(errno));
	return fd;
}

static inline int bench_connected(int type, const struct sockaddr_in *a)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)a, sizeof(*a)) < 0)
		bench_die("connect: %s", strerror(errno));
	return fd;
}

/* A connected UDP socket whose peer never reads and is full: each further datagram is
 * dropped for SOCKET_RCVBUFF. Sends 64 bytes. */
static inline int bench_full_socket(const struct sockaddr_in *a, int *ret_receiver)
{
	int to = bench_bound(SOCK_DGRAM, a), fd, small = 1;
	char data[64] = "";

	setsockopt(to, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	fd = bench_connected(SOCK_DGRAM, a);
	for (int i = 0; i < 256; i++)
		if (send(fd, data, sizeof(data), 0) < 0)
			bench_die("send: %s", strerror(errno));
	*ret_receiver = to;
	return fd;
}

/* A counter of /proc/net/snmp in the present namespace, e.g. "Udp", "NoPorts". */
static inline uint64_t bench_snmp(const char *group, const char *name)
{
	char head[4096], line[4096], *hs, *ls, *h, *l;
	FILE *f = fopen("/proc/thread-self/net/snmp", "re");
	size_t n = strlen(group);

	if (!f)
		bench_die("/proc/net/snmp: %s", strerror(errno));
	while (fgets(head, sizeof(head), f) && fgets(line, sizeof(line), f)) {
		if (strncmp(head, group, n) != 0 || head[n] != ':')
			continue;
		h = strtok_r(head, " \n", &hs);
		l = strtok_r(line, " \n", &ls);
		while (h && l) {
			if (strcmp(h, name) == 0) {
				fclose(f);
				return strtoull(l, NULL, 10);
			}
			h = strtok_r(NULL, " \n", &hs);
			l = strtok_r(NULL, " \n", &ls);
		}
	}
	bench_die("/proc/net/snmp has no %s %s", group, name);
}

#endif
