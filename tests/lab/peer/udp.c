// SPDX-License-Identifier: Apache-2.0
/* The UDP server. */
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

int serve_udp(const struct options *options, struct pollfd *listeners, int count)
{
	for (;;) {
		if (poll(listeners, (nfds_t)count, -1) < 0 && errno != EINTR)
			return EXIT_CANNOT;
		for (int i = 0; i < count; i++) {
			struct address from = {.length = sizeof(from.storage)};
			struct sockaddr *sender = (struct sockaddr *)&from.storage;
			int fd = listeners[i].fd;
			char buffer[2048];
			ssize_t n;

			n = recvfrom(fd, buffer, sizeof(buffer), 0, sender, &from.length);
			if (n < 0 || options->mode == SERVE_HOLD)
				continue;
			if (sendto(fd, buffer, (size_t)n, 0, sender, from.length) < 0)
				complain("sendto: %s", errno_name(errno));
		}
	}
}
