/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An open connection: a socket, with TLS or without. Reads and writes are tried; the
 * owner waits on the event loop for what they want. No buffers of its own, so that a slow
 * reader slows the server and not whydrop's memory (bufferevent_openssl was not taken: it buffers,
 * tells errors late, and frees itself only when its loop runs again).
 */
#ifndef WD_KUBE_LINK_H
#define WD_KUBE_LINK_H

#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"

struct ssl_st;

struct wd_link {
	int fd; /* -1: closed */
	struct ssl_st *ssl;
	struct wd_addr ip; /* of the peer, or of the proxy */
	uint16_t port;
	short want; /* EV_READ or EV_WRITE, after -EAGAIN */
};

void wd_link_close(struct wd_link *l);
/* Bytes; 0: the peer closed in good order; -EAGAIN: wait for `want`; -EPIPE: closed without the
 * farewell that TLS wants; -EPROTO: TLS failed; -errno. */
ssize_t wd_link_read(struct wd_link *l, char *buf, size_t n);
ssize_t wd_link_write(struct wd_link *l, const char *buf, size_t n);
/* 0 done, -EAGAIN, -EPROTO (see wd_tls_words()), -EPIPE: closed within it, -errno. */
int wd_link_handshake(struct wd_link *l);

#endif
