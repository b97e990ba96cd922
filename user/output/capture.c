/* SPDX-License-Identifier: Apache-2.0 */
#include "output/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lru.h"
#include "output/comment.h"
#include "output/interfaces.h"

#define OPEN_DEFAULT     4096
#define ANSWERED_DEFAULT 1024
#define PACKETS_DEFAULT  16384
#define ALIASES          4096
#define COMMENT_CAP      (WD_PCAPNG_TEXT_MAX + 1024)

#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct packet {
	uint64_t wall_ns;
	const char *reason, *function;
	uint32_t netns, ifindex;
	uint32_t len;
	uint32_t next_free;
	uint16_t caplen;
	uint8_t sight; /* enum wd_sight */
	char device[16];
	uint8_t data[sizeof(((struct wd_event_snap *)0)->data)];
};

struct flow {
	struct wd_tuple key; /* canonical() of what the client dialled */
	uint32_t packet[WD_CAPTURE_KEEP];
	uint32_t seen;     /* packets, also those not kept */
	uint32_t syn_seq;  /* of the SYN that began it */
	bool has_syn, bad; /* bad: a drop, RST or ICMP error was among them */
	char *told;        /* comment of an interim answer; NULL none */
};

/* Index and entries of one kind of connections. */
struct shelf {
	struct wd_lru index;
	struct flow *flows;
};

enum { OPEN, ANSWERED, SHELVES };

struct alias {
	struct wd_tuple from, to;
};

struct wd_capture {
	struct shelf shelf[SHELVES];
	struct packet *pool;
	uint32_t pool_size, pool_used, pool_free;
	struct wd_lru alias_index;
	struct alias *aliases;
	struct wd_interfaces interfaces;
	struct wd_buf comment;
	struct wd_capture_counts counts;
};

/* ---- life ------------------------------------------------------------------------------ */

static int shelf_init(struct shelf *s, unsigned int n)
{
	int r = wd_lru_init(&s->index, n);

	if (r < 0)
		return r;
	s->flows = malloc(n * sizeof(*s->flows));
	return s->flows ? 0 : -ENOMEM;
}

static void shelf_release(struct shelf *s)
{
	if (s->flows)
		for (uint32_t i = s->index.newest; i != WD_LRU_NONE; i = wd_lru_older(&s->index, i))
			free(s->flows[i].told);
	free(s->flows);
	wd_lru_release(&s->index);
}

int wd_capture_new(const struct wd_capture_limits *limits, struct wd_capture **ret)
{
	const struct wd_capture_limits none = {0};
	struct wd_capture *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	if (!limits)
		limits = &none;
	c->pool_size = limits->packets ? limits->packets : PACKETS_DEFAULT;
	c->pool_free = WD_LRU_NONE;
	wd_buf_init(&c->comment, COMMENT_CAP);
	r = c->pool_size < 2 * WD_CAPTURE_KEEP ? -EINVAL : 0;
	if (r == 0)
		r = shelf_init(&c->shelf[OPEN], limits->open ? limits->open : OPEN_DEFAULT);
	if (r == 0)
		r = shelf_init(&c->shelf[ANSWERED],
		               limits->answered ? limits->answered : ANSWERED_DEFAULT);
	if (r == 0)
		r = wd_lru_init(&c->alias_index, ALIASES);
	if (r == 0) {
		c->aliases = malloc(ALIASES * sizeof(*c->aliases));
		c->pool = malloc(c->pool_size * sizeof(*c->pool));
		if (!c->aliases || !c->pool)
			r = -ENOMEM;
	}
	if (r < 0) {
		wd_capture_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void wd_capture_free(struct wd_capture *c)
{
	if (!c)
		return;
	shelf_release(&c->shelf[OPEN]);
	shelf_release(&c->shelf[ANSWERED]);
	wd_lru_release(&c->alias_index);
	wd_buf_release(&c->comment);
	free(c->aliases);
	wd_interfaces_release(&c->interfaces);
	free(c->pool);
	free(c);
}

const struct wd_capture_counts *wd_capture_counts(const struct wd_capture *c)
{
	return &c->counts;
}

/* ---- keys ------------------------------------------------------------------------------ */

/* The same for both directions. */
static struct wd_tuple canonical(const struct wd_tuple *t)
{
	int order = memcmp(t->saddr.b, t->daddr.b, sizeof(t->saddr.b));

	if (order > 0 || (order == 0 && t->sport > t->dport))
		return wd_tuple_reverse(t);
	return *t;
}

static struct alias *find_alias(const struct wd_capture *c, const struct wd_tuple *from)
{
	uint32_t slot = wd_lru_first(&c->alias_index, wd_tuple_hash(from));

	while (slot != WD_LRU_NONE && !wd_tuple_equal(&c->aliases[slot].from, from))
		slot = wd_lru_next(&c->alias_index, slot);
	return slot == WD_LRU_NONE ? NULL : &c->aliases[slot];
}

static void learn_alias(struct wd_capture *c, const struct wd_tuple *from,
                        const struct wd_tuple *to)
{
	struct alias *a = find_alias(c, from);

	if (!a)
		a = &c->aliases[wd_lru_insert(&c->alias_index, wd_tuple_hash(from))];
	else
		wd_lru_touch(&c->alias_index, (uint32_t)(a - c->aliases));
	*a = (struct alias){*from, *to};
}

static struct wd_tuple key_of(struct wd_capture *c, const struct wd_event *e)
{
	struct wd_tuple key = canonical(&e->tuple), orig;
	const struct alias *a;

	if (e->snap.has_ct) {
		orig = canonical(&e->snap.ct_orig);
		if (!wd_tuple_equal(&orig, &key))
			learn_alias(c, &key, &orig);
		return orig;
	}
	a = find_alias(c, &key);
	return a ? a->to : key;
}

static struct flow *find_flow(struct wd_capture *c, const struct wd_tuple *key, unsigned int *ret)
{
	uint64_t hash = wd_tuple_hash(key);

	for (unsigned int i = 0; i < SHELVES; i++) {
		struct shelf *s = &c->shelf[i];
		uint32_t slot = wd_lru_first(&s->index, hash);

		while (slot != WD_LRU_NONE && !wd_tuple_equal(&s->flows[slot].key, key))
			slot = wd_lru_next(&s->index, slot);
		if (slot != WD_LRU_NONE) {
			*ret = i;
			return &s->flows[slot];
		}
	}
	return NULL;
}

/* ---- writing --------------------------------------------------------------------------- */

void wd_capture_start(struct wd_buf *b, const struct wd_pcapng_section *s)
{
	wd_pcapng_section(b, s);
}

static enum wd_pcapng_direction direction_of(const struct packet *p)
{
	switch (p->sight) {
	case WD_SIGHT_IN:
	case WD_SIGHT_XDP:
		return WD_PCAPNG_IN;
	case WD_SIGHT_OUT:
		return WD_PCAPNG_OUT;
	default:
		return WD_PCAPNG_UNKNOWN;
	}
}

static void write_packet(struct wd_capture *c, struct wd_buf *b, const struct packet *p,
                         const char *told)
{
	const struct wd_comment_packet about = {(enum wd_sight)p->sight, p->reason, p->function,
	                                        p->device};
	struct wd_pcapng_packet block = {
		.wall_ns = p->wall_ns,
		.data = p->data,
		.caplen = p->caplen,
		.len = p->len,
		.direction = direction_of(p),
	};
	bool described = !b->err && wd_interfaces_number(&c->interfaces, b, p->netns, p->ifindex,
	                                                 p->device, &block.interface) == 0;

	if (described) {
		wd_buf_reset(&c->comment);
		wd_comment_packet(&c->comment, &about);
		wd_buf_puts(&c->comment, told);
		wd_buf_putc(&c->comment, '\0');
		block.comment = c->comment.err ? told : c->comment.data;
		wd_pcapng_packet(b, &block);
	}
	if (!described || b->err)
		c->counts.lost++;
	else
		c->counts.packets++;
}

static unsigned int kept(const struct flow *f)
{
	return f->seen < WD_CAPTURE_KEEP ? f->seen : WD_CAPTURE_KEEP;
}

/* Writes n packets in the order of their time, whichever connection they were kept with. */
static void write_packets(struct wd_capture *c, struct wd_buf *b, uint32_t *packets, unsigned int n,
                          const char *told)
{
	for (unsigned int i = 1; i < n; i++) {
		uint32_t p = packets[i];
		unsigned int at = i;

		for (; at > 0 && c->pool[packets[at - 1]].wall_ns > c->pool[p].wall_ns; at--)
			packets[at] = packets[at - 1];
		packets[at] = p;
	}
	for (unsigned int i = 0; i < n; i++)
		write_packet(c, b, &c->pool[packets[i]], told);
	c->counts.findings += n > 0;
	c->counts.empty += n == 0;
}

/* ---- keeping --------------------------------------------------------------------------- */

static void free_packet(struct wd_capture *c, uint32_t packet)
{
	c->pool[packet].next_free = c->pool_free;
	c->pool_free = packet;
}

static void remove_flow(struct wd_capture *c, struct shelf *s, struct flow *f)
{
	for (unsigned int i = 0; i < kept(f); i++)
		free_packet(c, f->packet[i]);
	free(f->told);
	f->told = NULL;
	wd_lru_remove(&s->index, (uint32_t)(f - s->flows));
}

/* What an interim answer was given on is not lost. */
static void forget_flow(struct wd_capture *c, struct wd_buf *b, struct shelf *s, struct flow *f)
{
	uint32_t packets[WD_CAPTURE_KEEP];

	if (f->told) {
		memcpy(packets, f->packet, sizeof(packets));
		write_packets(c, b, packets, kept(f), f->told);
	}
	remove_flow(c, s, f);
}

static bool forget_oldest(struct wd_capture *c, struct wd_buf *b, struct shelf *s)
{
	if (s->index.oldest == WD_LRU_NONE)
		return false;
	forget_flow(c, b, s, &s->flows[s->index.oldest]);
	return true;
}

/* Room for one more packet; never of a connection that the caller holds. */
static uint32_t take_packet(struct wd_capture *c, struct wd_buf *b)
{
	uint32_t packet;

	if (c->pool_used < c->pool_size && c->pool_free == WD_LRU_NONE)
		return c->pool_used++;
	while (c->pool_free == WD_LRU_NONE)
		if (!forget_oldest(c, b, &c->shelf[ANSWERED]) &&
		    !forget_oldest(c, b, &c->shelf[OPEN]))
			return WD_LRU_NONE;
	packet = c->pool_free;
	c->pool_free = c->pool[packet].next_free;
	return packet;
}

static struct flow *new_flow(struct wd_capture *c, struct wd_buf *b, unsigned int shelf,
                             const struct wd_tuple *key)
{
	struct shelf *s = &c->shelf[shelf];
	uint32_t victim = wd_lru_victim(&s->index);
	struct flow *f;

	if (victim != WD_LRU_NONE)
		forget_flow(c, b, s, &s->flows[victim]);
	f = &s->flows[wd_lru_insert(&s->index, wd_tuple_hash(key))];
	*f = (struct flow){.key = *key};
	return f;
}

static struct flow *move_flow(struct wd_capture *c, struct wd_buf *b, struct flow *f,
                              unsigned int from, unsigned int to)
{
	struct flow moved = *f, *at;

	wd_lru_remove(&c->shelf[from].index, (uint32_t)(f - c->shelf[from].flows));
	at = new_flow(c, b, to, &moved.key);
	*at = moved;
	return at;
}

/* What the headers say that matters here. */
struct look {
	uint8_t proto, flags; /* of the packet itself, not of one that it quotes */
	uint16_t sport;
	uint32_t seq;
};

static struct look look_at(const struct wd_event_snap *s)
{
	const uint8_t *d = s->data;
	struct look l = {0};
	size_t at;

	if (s->caplen >= 20 && d[0] >> 4 == 4) {
		l.proto = d[9];
		at = (size_t)(d[0] & 15) * 4;
	} else if (s->caplen >= 40 && d[0] >> 4 == 6) {
		l.proto = d[6]; /* behind extension headers nothing is recognized */
		at = 40;
	} else {
		return l;
	}
	if (at + 4 <= s->caplen)
		l.sport = (uint16_t)(d[at] << 8 | d[at + 1]);
	if (l.proto == WD_PROTO_TCP && at + 14 <= s->caplen) {
		l.seq = (uint32_t)d[at + 4] << 24 | (uint32_t)d[at + 5] << 16 |
		        (uint32_t)d[at + 6] << 8 | d[at + 7];
		l.flags = d[at + 13];
	}
	return l;
}

static bool is_bad(const struct wd_event_snap *s, const struct look *l)
{
	return s->sight == WD_SIGHT_DROP || (l->flags & TCP_RST) || l->proto == WD_PROTO_ICMP ||
	       l->proto == WD_PROTO_ICMPV6;
}

static bool is_answer(const struct look *l)
{
	return (l->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) ||
	       (l->proto == WD_PROTO_UDP && l->sport == 53);
}

/* Another SYN than the one that began what is kept: the ports are used again. */
static bool is_new_attempt(const struct flow *f, const struct look *l)
{
	return (l->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && f->has_syn && l->seq != f->syn_seq;
}

static struct flow *flow_for(struct wd_capture *c, struct wd_buf *b, const struct wd_event *e,
                             const struct look *l)
{
	struct wd_tuple key = key_of(c, e);
	unsigned int shelf = OPEN;
	struct flow *f = find_flow(c, &key, &shelf);

	if (f && is_new_attempt(f, l)) {
		forget_flow(c, b, &c->shelf[shelf], f);
		f = NULL;
	}
	if (!f)
		f = new_flow(c, b, shelf = OPEN, &key);
	f->bad |= is_bad(&e->snap, l);
	if (f->bad && shelf == ANSWERED)
		return move_flow(c, b, f, ANSWERED, OPEN);
	if (!f->bad && !f->told && shelf == OPEN && is_answer(l))
		return move_flow(c, b, f, OPEN, ANSWERED);
	wd_lru_touch(&c->shelf[shelf].index, (uint32_t)(f - c->shelf[shelf].flows));
	return f;
}

static void fill(struct packet *p, const struct wd_event *e, int64_t wall_offset_ns)
{
	const struct wd_event_snap *s = &e->snap;

	memset(p, 0, sizeof(*p));
	p->wall_ns = (uint64_t)((int64_t)e->ts_ns + wall_offset_ns);
	p->sight = (uint8_t)s->sight;
	p->reason = s->reason;
	p->function = s->function;
	p->netns = s->netns;
	p->ifindex = s->ifindex;
	memcpy(p->device, s->device, sizeof(p->device));
	p->device[sizeof(p->device) - 1] = '\0';
	p->len = s->len;
	p->caplen = s->caplen;
	memcpy(p->data, s->data, s->caplen);
}

void wd_capture_packet(struct wd_capture *c, struct wd_buf *b, const struct wd_event *e,
                       int64_t wall_offset_ns)
{
	const unsigned int half = WD_CAPTURE_KEEP / 2;
	struct look l;
	struct flow *f;
	uint32_t packet;
	unsigned int at;

	if (e->kind != WD_EVENT_SNAP || !e->snap.caplen || e->snap.caplen > sizeof(e->snap.data))
		return;
	packet = take_packet(c, b);
	if (packet == WD_LRU_NONE)
		return;
	l = look_at(&e->snap);
	f = flow_for(c, b, e, &l);
	fill(&c->pool[packet], e, wall_offset_ns);
	if ((l.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && !f->has_syn) {
		f->has_syn = true;
		f->syn_seq = l.seq;
	}
	at = f->seen < WD_CAPTURE_KEEP ? f->seen : half + (f->seen - half) % half;
	if (f->seen >= WD_CAPTURE_KEEP)
		free_packet(c, f->packet[at]);
	f->packet[at] = packet;
	if (f->seen < UINT32_MAX - 1)
		f->seen++;
}

/* ---- findings -------------------------------------------------------------------------- */

/* All keys under which packets of this attempt may be kept; returns how many. */
static unsigned int keys_of(const struct wd_capture *c, const struct wd_finding *f,
                            struct wd_tuple keys[4])
{
	struct wd_tuple t = {.saddr = f->client.ip,
	                     .daddr = f->target.ip,
	                     .sport = f->client.port,
	                     .dport = f->target.port,
	                     .proto = f->proto};
	const struct alias *a;
	unsigned int n = 0;

	for (unsigned int i = 0; i < 2; i++) {
		if (i == 1) {
			if (!f->backend.known)
				break;
			t.daddr = f->backend.ip;
			t.dport = f->backend.port;
		}
		keys[n] = canonical(&t);
		a = find_alias(c, &keys[n++]);
		if (a)
			keys[n++] = a->to;
	}
	return n;
}

/* The finding's own part of the comment, on the heap. NULL: no memory. */
static char *text_of(struct wd_capture *c, const struct wd_finding *f, uint64_t seen)
{
	wd_buf_reset(&c->comment);
	wd_comment_finding(&c->comment, f);
	if (seen > WD_CAPTURE_KEEP)
		wd_buf_printf(&c->comment,
		              "\n%llu packets of this connection were seen; the first and the last "
		              "are here",
		              (unsigned long long)seen);
	wd_buf_putc(&c->comment, '\0');
	return c->comment.err ? NULL : strdup(c->comment.data);
}

void wd_capture_finding(struct wd_capture *c, struct wd_buf *b, const struct wd_finding *f)
{
	struct wd_tuple keys[4];
	uint32_t packets[4 * WD_CAPTURE_KEEP];
	unsigned int n_keys = keys_of(c, f, keys), n = 0, shelf;
	struct flow *flow;
	uint64_t seen = 0;
	char *told;

	for (unsigned int i = 0; i < n_keys; i++) {
		flow = find_flow(c, &keys[i], &shelf);
		if (flow && flow->seen > seen)
			seen = flow->seen;
	}
	told = text_of(c, f, seen);
	for (unsigned int i = 0; i < n_keys; i++) {
		flow = find_flow(c, &keys[i], &shelf);
		if (!flow)
			continue;
		if (!f->final) {
			free(flow->told);
			flow->told = told ? strdup(told) : NULL;
			if (shelf == ANSWERED)
				move_flow(c, b, flow, ANSWERED, OPEN);
			continue;
		}
		/* taken out of the pool only after they are written */
		memcpy(packets + n, flow->packet, kept(flow) * sizeof(packets[0]));
		n += kept(flow);
		flow->seen = 0;
		remove_flow(c, &c->shelf[shelf], flow);
	}
	if (f->final) {
		write_packets(c, b, packets, n, told ? told : "");
		for (unsigned int i = 0; i < n; i++)
			free_packet(c, packets[i]);
	}
	free(told);
}

void wd_capture_finish(struct wd_capture *c, struct wd_buf *b)
{
	for (unsigned int i = 0; i < SHELVES; i++)
		while (forget_oldest(c, b, &c->shelf[i]))
			;
}
