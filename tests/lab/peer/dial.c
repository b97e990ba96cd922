// SPDX-License-Identifier: Apache-2.0
/* One connection of a client, from connect() to close(). */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int client_socket(const struct options *options, const struct address *to)
{
	struct address source;
	int fd = new_socket(to, options->udp);

	if (fd < 0 || !options->source)
		return fd;
	if (parse_address(options->source, "0", options->udp, &source) ||
	    bind(fd, (struct sockaddr *)&source.storage, source.length)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Stevens: a socket may be ready, have no pending error, and yet not be connected. */
static const char *connected(int fd)
{
	struct sockaddr_storage storage;
	socklen_t size = sizeof(storage);

	return getpeername(fd, (struct sockaddr *)&storage, &size) ? "NOT-CONNECTED" : "ok";
}

const char *connect_to(int fd, const struct address *to, const struct options *options)
{
	socklen_t size = sizeof(int);
	int error = 0;

	if (options->blocking) {
		struct timeval timeout = {
			.tv_sec = options->timeout_ms / 1000,
			.tv_usec = (options->timeout_ms % 1000) * 1000,
		};

		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	}
	if (connect(fd, (const struct sockaddr *)&to->storage, to->length) == 0) {
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		return "ok";
	}
	if (errno != EINPROGRESS)
		return errno_name(errno);
	if (options->close == CLOSE_EARLY)
		return "ok";
	if (options->blocking || !wait_for(fd, POLLOUT, now_ms() + options->timeout_ms))
		return "TIMEOUT";
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size))
		return "ENOTSOCK";
	return error ? errno_name(error) : connected(fd);
}

static const char *send_bytes(int fd, const struct options *options, char first)
{
	int64_t deadline = now_ms() + options->io_timeout_ms;
	char buffer[16384] = {first};
	size_t left = options->send;

	while (left > 0) {
		ssize_t n = send(fd, buffer, left < sizeof(buffer) ? left : sizeof(buffer), 0);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return errno_name(errno);
		if (n < 0 && !wait_for(fd, POLLOUT, deadline))
			return "STALLED";
		left -= n > 0 ? (size_t)n : 0;
	}
	return "ok";
}

/* Reads until `expect` bytes came; with expect SIZE_MAX until the peer's FIN. */
static const char *receive_bytes(int fd, const struct options *options, size_t expect)
{
	int64_t deadline = now_ms() + options->io_timeout_ms;
	char buffer[16384];
	size_t got = 0;

	while (got < expect) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

		if (n == 0 && !options->udp)
			return expect == SIZE_MAX ? "ok" : "EOF";
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return errno_name(errno);
		if (n < 0 && !wait_for(fd, POLLIN, deadline))
			return "NO-ANSWER";
		got += n > 0 ? (size_t)n : 0;
	}
	return "ok";
}

static const char *end_connection(int fd, const struct options *options)
{
	switch (options->close) {
	case CLOSE_RST:
		reset_on_close(fd);
		return "ok";
	case CLOSE_UNREAD:
		return wait_for(fd, POLLIN, now_ms() + options->io_timeout_ms) ? "ok" : "NO-ANSWER";
	case CLOSE_HALF:
		return shutdown(fd, SHUT_WR) ? errno_name(errno)
		                             : receive_bytes(fd, options, SIZE_MAX);
	default:
		return "ok";
	}
}

const char *converse(int fd, const struct address *to, const struct options *options, char first,
                     const char **ret_step)
{
	const char *word;

	*ret_step = "connect";
	word = connect_to(fd, to, options);
	if (strcmp(word, "ok") != 0 || options->close == CLOSE_EARLY)
		return word;
	*ret_step = "wait for the runner";
	word = meet_runner(options);
	if (strcmp(word, "ok") != 0)
		return word;
	*ret_step = "send";
	word = send_bytes(fd, options, first);
	if (strcmp(word, "ok") != 0)
		return word;
	*ret_step = "receive";
	word = receive_bytes(fd, options, options->expect);
	if (strcmp(word, "ok") != 0)
		return word;
	sleep_ms(options->hold_ms);
	*ret_step = "close";
	return end_connection(fd, options);
}
