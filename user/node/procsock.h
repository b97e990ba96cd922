/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets of one network namespace, from the text of /proc/PID/net/tcp, tcp6,
 * udp and udp6 (kernel: tcp4_seq_show in net/ipv4/tcp_ipv4.c, tcp6_seq_show,
 * udp4_seq_show, __ip6_dgram_sock_seq_show). Pure: text in, facts out.
 *
 * What those files cannot tell: IPV6_V6ONLY (a listener on [::] is taken to serve IPv4
 * too, which is the default), SO_BINDTODEVICE, and the length of a backlog.
 */
#ifndef WD_NODE_PROCSOCK_H
#define WD_NODE_PROCSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "model/facts.h"

enum wd_procsock_file {
	WD_PROCSOCK_TCP,
	WD_PROCSOCK_TCP6,
	WD_PROCSOCK_UDP,
	WD_PROCSOCK_UDP6,
	WD_PROCSOCK_MAX,
};

struct wd_procsock {
	struct wd_addr addr; /* asked for */
	uint16_t port;

	bool exact, wildcard, loopback, other; /* where this port is listened on */
	uint32_t queue_exact, queue_wildcard;  /* of the fullest listener of each */
	uint16_t ports[WD_FACTS_PORTS_MAX];    /* the lowest others that would answer there */
	unsigned int n_ports;
	bool other_state; /* the last line seen was of a socket that does not listen */
};

/* Starts a question: who listens on addr:port? */
void wd_procsock_init(struct wd_procsock *q, const struct wd_addr *addr, uint16_t port);
/* Reads one file. A line that is not as the kernel writes it is passed over, and so is
 * a last line without newline. */
void wd_procsock_read(struct wd_procsock *q, enum wd_procsock_file file, const char *text,
                      size_t n);
/* complete: nothing of the files was missing; else "none" becomes unknown. */
enum wd_listener wd_procsock_verdict(const struct wd_procsock *q, bool complete);
/* Connections that wait for accept(2), at the fullest listener that addr:port reaches. */
uint32_t wd_procsock_queue(const struct wd_procsock *q);

#endif
