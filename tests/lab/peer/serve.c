// SPDX-License-Identifier: Apache-2.0
/* The TCP server, in every mode of misbehaving; UDP shares its listeners. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTENERS_MAX   16
#define CONNECTIONS_MAX 512

struct connection {
	size_t got;
	size_t to_send; /* bytes still owed to the client */
	char first;     /* first byte that came, for SERVE_MIX */
	bool answered;
	bool eof;
};

struct server {
	const struct options *options;
	int listeners;
	int used;
	struct pollfd polls[LISTENERS_MAX + CONNECTIONS_MAX];
	struct connection connections[LISTENERS_MAX + CONNECTIONS_MAX];
};

/* Decides what is owed after n more bytes came. */
static void serve_bytes(const struct options *options, struct connection *connection, size_t n)
{
	connection->got += n;
	switch (options->mode) {
	case SERVE_ECHO:
		connection->to_send += n;
		break;
	case SERVE_ANSWER:
	case SERVE_RESET:
		if (connection->got >= options->read && !connection->answered) {
			connection->answered = true;
			connection->to_send = options->answer;
		}
		break;
	case SERVE_MIX:
		/* 'a': answer now; 'h': answer after the client's FIN. */
		if (connection->first == 'a' && !connection->answered) {
			connection->answered = true;
			connection->to_send = options->answer;
		}
		break;
	default:
		break;
	}
}

static void serve_eof(const struct options *options, struct connection *connection)
{
	connection->eof = true;
	if (options->mode == SERVE_MIX && connection->first == 'h' && !connection->answered) {
		connection->answered = true;
		connection->to_send = options->answer;
	}
}

/* Returns false when the connection is finished. */
static bool serve_input(int fd, const struct options *options, struct connection *connection)
{
	char buffer[16384];
	ssize_t n;

	if (options->mode == SERVE_UNREAD)
		return false;
	n = read(fd, buffer, sizeof(buffer));
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0) {
		serve_eof(options, connection);
		return true;
	}
	if (connection->got == 0)
		connection->first = buffer[0];
	serve_bytes(options, connection, (size_t)n);
	return true;
}

/* Returns false when the connection is finished. */
static bool serve_output(int fd, const struct options *options, struct connection *connection)
{
	static const char data[16384];

	while (connection->to_send > 0) {
		size_t size = connection->to_send < sizeof(data) ? connection->to_send
		                                                 : sizeof(data);
		ssize_t n = write(fd, data, size);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		connection->to_send -= (size_t)n;
	}
	if (options->mode == SERVE_RESET && connection->answered) {
		reset_on_close(fd);
		return false;
	}
	if (options->mode == SERVE_BIG)
		return false;
	if (options->mode == SERVE_HALF_CLOSE && !connection->answered) {
		connection->answered = true;
		shutdown(fd, SHUT_WR);
	}
	return !connection->eof;
}

static void serve_accept(struct server *server, int listener)
{
	const struct options *options = server->options;

	while (server->used < LISTENERS_MAX + CONNECTIONS_MAX) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct connection *connection;

		if (fd < 0)
			return;
		connection = &server->connections[server->used];
		*connection = (struct connection){0};
		if (options->mode == SERVE_BIG || options->mode == SERVE_HALF_CLOSE)
			connection->to_send = options->answer;
		server->polls[server->used++] = (struct pollfd){.fd = fd};
	}
}

static void serve_connection(struct server *server, int i)
{
	struct pollfd *entry = &server->polls[i];
	struct connection *connection = &server->connections[i];
	bool alive = true;

	if (entry->revents & (POLLIN | POLLERR | POLLHUP) && !connection->eof)
		alive = serve_input(entry->fd, server->options, connection);
	else if (entry->revents & POLLERR)
		alive = false;
	if (alive)
		alive = serve_output(entry->fd, server->options, connection);
	if (!alive) {
		close(entry->fd);
		entry->fd = -1;
	}
}

/* Closed connections leave holes: move the last ones into them. */
static void serve_compact(struct server *server)
{
	for (int i = server->listeners; i < server->used;) {
		if (server->polls[i].fd >= 0) {
			i++;
			continue;
		}
		server->used--;
		server->polls[i] = server->polls[server->used];
		server->connections[i] = server->connections[server->used];
	}
}

static int serve_tcp_forever(struct server *server)
{
	for (;;) {
		for (int i = 0; i < server->used; i++) {
			const struct connection *connection = &server->connections[i];
			short events = 0;

			if (i < server->listeners || !connection->eof)
				events |= POLLIN;
			if (i >= server->listeners && connection->to_send > 0)
				events |= POLLOUT;
			if (server->options->mode == SERVE_HALF_CLOSE && !connection->answered)
				events |= POLLOUT;
			server->polls[i].events = events;
		}
		if (poll(server->polls, (nfds_t)server->used, -1) < 0 && errno != EINTR)
			return EXIT_CANNOT;
		for (int i = server->used - 1; i >= 0; i--) {
			if (!server->polls[i].revents)
				continue;
			if (i < server->listeners)
				serve_accept(server, server->polls[i].fd);
			else
				serve_connection(server, i);
		}
		serve_compact(server);
	}
}

static int add_listener(struct server *server, const char *host, const char *port)
{
	const struct options *options = server->options;
	struct address address;
	int fd, on = 1;

	if (server->listeners == LISTENERS_MAX || parse_address(host, port, options->udp, &address))
		return -EINVAL;
	fd = new_socket(&address, options->udp);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address.storage.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address.storage, address.length) ||
	    (!options->udp && listen(fd, options->backlog))) {
		complain("listen on %s %s: %s", host, port, errno_name(errno));
		close(fd);
		return -EADDRINUSE;
	}
	server->polls[server->listeners++] = (struct pollfd){.fd = fd, .events = POLLIN};
	return 0;
}

/* serve ADDRESS PORT... */
int serve(const struct options *options, int count, char **words)
{
	static struct server server;

	if (count < 2)
		return EXIT_USAGE;
	server.options = options;
	for (int i = 1; i < count; i++)
		if (add_listener(&server, words[0], words[i]))
			return EXIT_CANNOT;
	server.used = server.listeners;
	if (touch(options->ready))
		return EXIT_CANNOT;
	if (options->mode == SERVE_NO_ACCEPT)
		for (;;)
			pause();
	return options->udp ? serve_udp(options, server.polls, server.listeners)
	                    : serve_tcp_forever(&server);
}
