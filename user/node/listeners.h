/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who listens on an address and port of one namespace: reading of the socket files, and
 * the last answers.
 *
 * Reading is the dear part of a question (the kernel walks its whole table of connections
 * to the end of each TCP file, 3 ms here and more on larger machines), so a storm of
 * questions may spend a tenth of the time on it. Beyond that, answers of the last second
 * are given again, and where there is none the answer is "unknown".
 */
#ifndef WD_NODE_LISTENERS_H
#define WD_NODE_LISTENERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "model/facts.h"
#include "node/netns.h"

#define WD_LISTENERS_KEPT 32

struct wd_listener_key {
	uint32_t netns;
	struct wd_addr addr;
	uint16_t port;
	uint8_t proto; /* WD_PROTO_TCP or WD_PROTO_UDP */
};

struct wd_listener_answer {
	struct wd_listener_key key;
	uint64_t read_ns; /* CLOCK_MONOTONIC when reading began; 0 empty */
	enum wd_listener listener;
	uint16_t ports[WD_FACTS_PORTS_MAX];
	unsigned int n_ports;
	bool queue_known;
	uint32_t queue;
};

struct wd_listeners {
	struct wd_listener_answer kept[WD_LISTENERS_KEPT];
	unsigned int next;
	int64_t allowance_ns;
	uint64_t allowance_at;
};

void wd_listeners_init(struct wd_listeners *l);

/* since_ns: an answer that was read after this moment (CLOCK_MONOTONIC) will do. NULL:
 * unknown. Valid until the next call; buf is scratch. */
const struct wd_listener_answer *
wd_listeners_ask(struct wd_listeners *l, const struct wd_netnses *s, const struct wd_netns *ns,
                 const struct wd_listener_key *key, uint64_t since_ns, struct wd_buf *buf);

#endif
