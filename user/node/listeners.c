/* SPDX-License-Identifier: Apache-2.0 */
#include "node/listeners.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "model/tuple.h"
#include "node/procsock.h"

/* Listeners come first in the TCP files (tcp_seq_start), and a line has 150 bytes: room
 * for 1700 listeners, however many connections there are. UDP has no such order. */
#define TCP_FILE_MAX (256u << 10)
#define UDP_FILE_MAX (4u << 20)

#define ALLOWANCE_SHARE 10
#define ALLOWANCE_MAX   ((int64_t)(200 * WD_NSEC_PER_MSEC))
#define STALE_NS        WD_NSEC_PER_SEC

void wd_listeners_init(struct wd_listeners *l)
{
	memset(l, 0, sizeof(*l));
	l->allowance_ns = ALLOWANCE_MAX;
	l->allowance_at = wd_clock_monotonic_ns();
}

/* One file of sockets; false when listeners may be missing. */
static bool file_read(int dir, enum wd_procsock_file file, struct wd_procsock *q,
                      struct wd_buf *buf)
{
	static const char *const paths[WD_PROCSOCK_MAX] = {
		[WD_PROCSOCK_TCP] = "net/tcp",
		[WD_PROCSOCK_TCP6] = "net/tcp6",
		[WD_PROCSOCK_UDP] = "net/udp",
		[WD_PROCSOCK_UDP6] = "net/udp6",
	};
	bool tcp = file == WD_PROCSOCK_TCP || file == WD_PROCSOCK_TCP6;
	bool v6 = file == WD_PROCSOCK_TCP6 || file == WD_PROCSOCK_UDP6;
	int r;

	buf->cap = tcp ? TCP_FILE_MAX : UDP_FILE_MAX;
	r = wd_procfs_read(dir, paths[file], buf);
	/* No IPv6 in this kernel; or no process any more, and then the IPv4 file, read
	 * after this one, is missing too. */
	if (r == -ENOENT && v6)
		return true;
	/* The kernel always writes a heading: an empty file is one that failed. */
	if (r < 0 || !buf->len)
		return false;
	wd_procsock_read(q, file, buf->data, buf->len);
	return !r || (tcp && q->other_state);
}

static bool answer_read(const struct wd_netnses *s, const struct wd_netns *ns, struct wd_buf *buf,
                        struct wd_listener_answer *a)
{
	int dir WD_AUTO_FD = wd_netns_open(s, ns);
	bool tcp = a->key.proto == WD_PROTO_TCP, whole;
	struct wd_procsock q;

	if (dir < 0)
		return false;
	wd_procsock_init(&q, &a->key.addr, a->key.port);
	whole = file_read(dir, tcp ? WD_PROCSOCK_TCP6 : WD_PROCSOCK_UDP6, &q, buf);
	whole &= file_read(dir, tcp ? WD_PROCSOCK_TCP : WD_PROCSOCK_UDP, &q, buf);
	/* What was read belongs to the namespace in which the process is still. */
	if (wd_procfs_netns(dir) != ns->ino)
		return false;
	a->listener = wd_procsock_verdict(&q, whole);
	memcpy(a->ports, q.ports, sizeof(a->ports));
	a->n_ports = q.n_ports;
	a->queue_known = tcp && whole && a->listener == WD_LISTENER_PRESENT;
	a->queue = a->queue_known ? wd_procsock_queue(&q) : 0;
	return true;
}

static bool key_equal(const struct wd_listener_key *a, const struct wd_listener_key *b)
{
	return a->netns == b->netns && a->port == b->port && a->proto == b->proto &&
	       wd_addr_equal(&a->addr, &b->addr);
}

static struct wd_listener_answer *kept_find(struct wd_listeners *l,
                                            const struct wd_listener_key *key)
{
	for (size_t i = 0; i < WD_LISTENERS_KEPT; i++)
		if (l->kept[i].read_ns && key_equal(&l->kept[i].key, key))
			return &l->kept[i];
	return NULL;
}

static bool may_read(struct wd_listeners *l, uint64_t now)
{
	uint64_t gained = (now - l->allowance_at) / ALLOWANCE_SHARE;

	l->allowance_at = now;
	if (gained > (uint64_t)ALLOWANCE_MAX)
		gained = (uint64_t)ALLOWANCE_MAX;
	l->allowance_ns += (int64_t)gained;
	if (l->allowance_ns > ALLOWANCE_MAX)
		l->allowance_ns = ALLOWANCE_MAX;
	return l->allowance_ns > 0;
}

const struct wd_listener_answer *
wd_listeners_ask(struct wd_listeners *l, const struct wd_netnses *s, const struct wd_netns *ns,
                 const struct wd_listener_key *key, uint64_t since_ns, struct wd_buf *buf)
{
	struct wd_listener_answer *kept = kept_find(l, key), fresh = {.key = *key};
	uint64_t now = wd_clock_monotonic_ns();
	bool ok;

	if (key->proto != WD_PROTO_TCP && key->proto != WD_PROTO_UDP)
		return NULL;
	if (kept && since_ns && kept->read_ns > since_ns && now - kept->read_ns < STALE_NS)
		return kept;
	if (!may_read(l, now))
		return kept && now - kept->read_ns < STALE_NS ? kept : NULL;
	fresh.read_ns = now;
	ok = answer_read(s, ns, buf, &fresh);
	l->allowance_ns -= (int64_t)(wd_clock_monotonic_ns() - now);
	if (!ok) {
		if (kept)
			kept->read_ns = 0;
		return NULL;
	}
	if (!kept) {
		kept = &l->kept[l->next];
		l->next = (l->next + 1) % WD_LISTENERS_KEPT;
	}
	*kept = fresh;
	return kept;
}
