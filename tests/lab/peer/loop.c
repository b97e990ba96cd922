// SPDX-License-Identifier: Apache-2.0
/* The client that must not look like a failure. */
#include "peer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * loop ADDRESS PORT...: --count connections that end well, but in each way that
 * a tracer has mistaken for a failure. The ports take turns, so that TIME_WAIT
 * never uses up the local ones.
 */
int client_loop(const struct options *options, int count, char **words)
{
	static const struct {
		int close;
		char first;
		size_t expect;
	} ways[] = {
		{CLOSE_NORMAL, 'a', 2},
		{CLOSE_HALF, 'h', 0},
		{CLOSE_UNREAD, 'a', 0},
		{CLOSE_EARLY, 'e', 0},
	};
	struct options mine = *options;
	const char *word, *step = "";
	struct address to;

	if (count < 2)
		return EXIT_USAGE;
	for (int i = 0; i < options->count; i++) {
		size_t way = (size_t)i % (sizeof(ways) / sizeof(ways[0]));
		int fd;

		if (parse_address(words[0], words[1 + i / 4 % (count - 1)], false, &to))
			return EXIT_USAGE;
		fd = client_socket(options, &to);
		if (fd < 0)
			return outcome_of(options, "socket", errno_name(errno));
		mine.close = ways[way].close;
		mine.expect = ways[way].expect;
		mine.send = 1;
		word = converse(fd, &to, &mine, ways[way].first, &step);
		close(fd);
		if (strcmp(word, "ok") != 0) {
			complain("connection %d of %d", i + 1, options->count);
			return outcome_of(options, step, word);
		}
	}
	return outcome_of(options, "", "ok");
}
