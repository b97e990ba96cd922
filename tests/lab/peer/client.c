// SPDX-License-Identifier: Apache-2.0
/* Clients: connections one after the other, or many at once. */
#include "peer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* connect ADDRESS PORT, --count times; the first failure ends it */
int client(const struct options *options, int count, char **words)
{
	const char *word = "ok", *step = "";
	struct address to;

	if (count != 2 || parse_address(words[0], words[1], options->udp, &to))
		return EXIT_USAGE;
	for (int i = 0; i < options->count && strcmp(word, "ok") == 0; i++) {
		int fd = client_socket(options, &to);

		if (fd < 0)
			return outcome_of(options, "socket", errno_name(errno));
		word = converse(fd, &to, options, 'a', &step);
		close(fd);
	}
	return outcome_of(options, step, word);
}

/* fill ADDRESS PORT: hold --count connections open until killed */
int fill(const struct options *options, int count, char **words)
{
	struct address to;

	if (count != 2 || parse_address(words[0], words[1], false, &to))
		return EXIT_USAGE;
	for (int i = 0; i < options->count; i++) {
		int fd = client_socket(options, &to);
		const char *word;

		if (fd < 0)
			return outcome_of(options, "socket", errno_name(errno));
		word = connect_to(fd, &to, options);
		if (strcmp(word, "ok") != 0)
			return outcome_of(options, "connect", word);
		/* fd stays open: that is the point */
	}
	if (touch(options->ready))
		return EXIT_CANNOT;
	for (;;)
		pause();
}
