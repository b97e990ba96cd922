// SPDX-License-Identifier: Apache-2.0
/* Addresses and sockets, the same for both ends. */
#include "peer.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

int parse_address(const char *host, const char *port, bool udp, struct address *ret)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = udp ? SOCK_DGRAM : SOCK_STREAM,
	};
	struct addrinfo *found;
	int error;

	error = getaddrinfo(host, port, &hints, &found);
	if (error) {
		complain("%s %s: %s", host, port, gai_strerror(error));
		return -EINVAL;
	}
	memcpy(&ret->storage, found->ai_addr, found->ai_addrlen);
	ret->length = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

int new_socket(const struct address *address, bool udp)
{
	int type = udp ? SOCK_DGRAM : SOCK_STREAM;

	return socket(address->storage.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

void reset_on_close(int fd)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}
