/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/link.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

void wd_link_close(struct wd_link *l)
{
	if (l->ssl)
		SSL_free(l->ssl);
	l->ssl = NULL;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static ssize_t ssl_result(struct wd_link *l, int r)
{
	int saved = errno;

	switch (SSL_get_error(l->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		l->want = EV_READ;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		l->want = EV_WRITE;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return saved ? -saved : -EPIPE;
	default:
		if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
			return -EPIPE;
		return -EPROTO;
	}
}

ssize_t wd_link_read(struct wd_link *l, char *buf, size_t n)
{
	ssize_t r;

	if (l->ssl) {
		ERR_clear_error();
		errno = 0;
		r = SSL_read(l->ssl, buf, n > INT_MAX ? INT_MAX : (int)n);
		return r > 0 ? r : ssl_result(l, (int)r);
	}
	do
		r = recv(l->fd, buf, n, 0);
	while (r < 0 && errno == EINTR);
	l->want = EV_READ;
	return r < 0 ? -errno : r;
}

ssize_t wd_link_write(struct wd_link *l, const char *buf, size_t n)
{
	ssize_t r;

	if (l->ssl) {
		ERR_clear_error();
		errno = 0;
		r = SSL_write(l->ssl, buf, n > INT_MAX ? INT_MAX : (int)n);
		if (r > 0)
			return r;
		r = ssl_result(l, (int)r);
		return r ? r : -EPIPE;
	}
	do
		r = send(l->fd, buf, n, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	l->want = EV_WRITE;
	return r < 0 ? -errno : r;
}

int wd_link_handshake(struct wd_link *l)
{
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(l->ssl);
	if (r == 1)
		return 0;
	r = (int)ssl_result(l, r);
	return r ? r : -EPIPE;
}
