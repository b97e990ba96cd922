/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/pcap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cmd/cmd.h"
#include "output/capture.h"

/* What waits for a slow reader of a pipe. */
#define OUT_CAP (4u << 20)
/* Names of devices hold this long: asking for each packet would cost a socket each time. */
#define NAME_AGE_NS WD_NSEC_PER_SEC
#define NAMES       64
/* How long the end waits for such a reader. */
#define LAST_WORDS_MS 150

struct name {
	uint32_t ifindex; /* 0: empty */
	uint64_t at_ns;
	char name[IF_NAMESIZE]; /* "" gone */
};

_Static_assert(IF_NAMESIZE == sizeof(((struct wd_event_snap *)0)->device), "device");

struct wd_pcap {
	const char *path;
	int fd;
	bool regular; /* a file, which can be cut; not a pipe or a device */
	bool dead;    /* cannot be written any more; has been said */
	bool lost_said;
	off_t good;               /* bytes of whole blocks in a regular file */
	uint32_t netns;           /* of this process: what the packet hooks mean by 0 */
	struct name names[NAMES]; /* by ifindex */
	struct wd_capture *capture;
	struct wd_buf out;
};

/* "/dev/fd/3": the descriptor, since the name itself is a link. -1: another name. */
static int inherited_fd(const char *path)
{
	static const char *const prefixes[] = {"/dev/fd/", "/proc/self/fd/"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t n = strlen(prefixes[i]);
		char *end;
		long fd;

		if (strncmp(path, prefixes[i], n) != 0 || path[n] < '0' || path[n] > '9')
			continue;
		fd = strtol(path + n, &end, 10);
		return *end || fd > INT_MAX ? -1 : (int)fd;
	}
	return -1;
}

static int open_file(const char *path)
{
	int fd = inherited_fd(path);

	if (fd >= 0) {
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? -errno : fd;
	}
	/* without O_NONBLOCK a FIFO that nobody reads would hang here */
	fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static const char *open_problem(int r)
{
	switch (r) {
	case -ELOOP:
		return "is a symbolic link, which is not followed";
	case -ENXIO:
		return "is a FIFO that nobody reads";
	default:
		return strerror(-r);
	}
}

static void dead(struct wd_pcap *p, int err)
{
	if (p->dead)
		return;
	p->dead = true;
	wd_complain("pcap: %s: %s: no more packets are written", p->path, strerror(err));
}

/* A block or nothing, so that the file is valid wherever this process is killed. */
static size_t write_block(struct wd_pcap *p, const char *at, size_t left)
{
	size_t n = wd_pcapng_block(at, left);
	ssize_t r;

	do
		r = write(p->fd, at, n);
	while (r < 0 && errno == EINTR);
	if (r >= 0 && (size_t)r == n) {
		p->good += r;
		return n;
	}
	dead(p, r < 0 ? errno : ENOSPC);
	if (r > 0 && ftruncate(p->fd, p->good) < 0)
		wd_complain("pcap: %s: its last packet is cut short: %s", p->path, strerror(errno));
	return 0;
}

/* poll(2) promises room for PIPE_BUF bytes of a pipe: writes of no more do not block. */
static size_t write_piece(struct wd_pcap *p, const char *at, size_t left, int wait_ms)
{
	struct pollfd poll_fd = {.fd = p->fd, .events = POLLOUT};
	ssize_t r;

	if (poll(&poll_fd, 1, wait_ms) <= 0)
		return 0;
	r = write(p->fd, at, left < PIPE_BUF ? left : PIPE_BUF);
	if (r < 0 && errno != EAGAIN && errno != EINTR)
		dead(p, errno);
	return r > 0 ? (size_t)r : 0;
}

static void flush_within(struct wd_pcap *p, int wait_ms)
{
	size_t done = 0, n;

	if (p->out.err) {
		if (!p->lost_said)
			wd_complain("pcap: %s: %s: packets are lost", p->path,
			            strerror(-p->out.err));
		p->lost_said = true;
		p->out.err = 0;
	}
	while (done < p->out.len && !p->dead) {
		const char *at = p->out.data + done;

		n = p->regular ? write_block(p, at, p->out.len - done)
		               : write_piece(p, at, p->out.len - done, wait_ms);
		if (!n)
			break;
		done += n;
	}
	if (p->dead)
		done = p->out.len;
	if (done) {
		memmove(p->out.data, p->out.data + done, p->out.len - done);
		p->out.len -= done;
	}
}

static void start(struct wd_pcap *p, const char *kernel)
{
	struct utsname machine;
	char os[128];
	struct wd_pcapng_section s = {.os = os, .application = "whydrop " WD_VERSION};

	if (uname(&machine) == 0)
		s.hardware = machine.machine;
	snprintf(os, sizeof(os), "Linux %s", kernel);
	wd_capture_start(&p->out, &s);
	flush_within(p, LAST_WORDS_MS);
}

static uint32_t own_netns(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) == 0 ? (uint32_t)st.st_ino : 0;
}

int wd_pcap_open(const char *path, const char *kernel, struct wd_pcap **ret)
{
	struct wd_pcap *p;
	WD_AUTO_FD int fd = open_file(path);
	struct stat st;
	int r = fd;

	if (r >= 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r >= 0 && S_ISREG(st.st_mode) && ftruncate(fd, 0) < 0)
		r = -errno;
	if (r < 0) {
		wd_complain("pcap: %s: %s", path, open_problem(r));
		return r;
	}
	p = calloc(1, sizeof(*p));
	r = p ? wd_capture_new(NULL, &p->capture) : -ENOMEM;
	if (r < 0) {
		free(p);
		wd_complain("pcap: %s", strerror(-r));
		return r;
	}
	p->path = path;
	p->regular = S_ISREG(st.st_mode);
	p->netns = own_netns();
	p->fd = wd_take_fd(fd);
	wd_buf_init(&p->out, OUT_CAP);
	start(p, kernel);
	if (p->dead) {
		wd_pcap_close(p);
		return -EIO;
	}
	*ret = p;
	return 0;
}

static const char *name_of(struct wd_pcap *p, uint32_t ifindex)
{
	struct name *n = &p->names[ifindex % NAMES];
	uint64_t now = wd_clock_monotonic_ns();

	if (n->ifindex == ifindex && n->at_ns + NAME_AGE_NS > now)
		return n->name;
	n->ifindex = ifindex;
	n->at_ns = now;
	if (!if_indextoname(ifindex, n->name))
		n->name[0] = '\0';
	return n->name;
}

void wd_pcap_packet(struct wd_pcap *p, const struct wd_event *e)
{
	struct wd_event named;

	if (!p || p->dead)
		return;
	if (e->snap.sight != WD_SIGHT_DROP) {
		named = *e;
		if (!named.snap.netns)
			named.snap.netns = p->netns;
		if (!named.snap.device[0] && named.snap.ifindex)
			memcpy(named.snap.device, name_of(p, named.snap.ifindex),
			       sizeof(named.snap.device));
		e = &named;
	}
	wd_capture_packet(p->capture, &p->out, e, wd_clock_wall_offset_ns());
	if (p->out.len || p->out.err)
		flush_within(p, 0);
}

void wd_pcap_finding(struct wd_pcap *p, const struct wd_finding *f)
{
	if (!p || p->dead)
		return;
	wd_capture_finding(p->capture, &p->out, f);
	flush_within(p, 0);
}

void wd_pcap_flush(struct wd_pcap *p)
{
	if (p && !p->dead && p->out.len)
		flush_within(p, 0);
}

void wd_pcap_finish(struct wd_pcap *p)
{
	const struct wd_capture_counts *c;

	if (!p || p->dead)
		return;
	wd_capture_finish(p->capture, &p->out);
	flush_within(p, LAST_WORDS_MS);
	if (p->out.len)
		wd_complain("pcap: %s: its reader has stopped: the end is missing", p->path);
	if (p->dead)
		return;
	c = wd_capture_counts(p->capture);
	wd_complain("pcap: %s: packets: %llu, of findings: %llu; findings without a packet: %llu",
	            p->path, (unsigned long long)c->packets, (unsigned long long)c->findings,
	            (unsigned long long)c->empty);
}

void wd_pcap_close(struct wd_pcap *p)
{
	if (!p)
		return;
	close(p->fd);
	wd_capture_free(p->capture);
	wd_buf_release(&p->out);
	free(p);
}
