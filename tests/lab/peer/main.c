// SPDX-License-Identifier: Apache-2.0
/* Runs the command that the command line names. */
#include "peer.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int run(const char *command, const struct options *options, int count, char **words)
{
	if (strcmp(command, "serve") == 0)
		return serve(options, count, words);
	if (strcmp(command, "connect") == 0)
		return client(options, count, words);
	if (strcmp(command, "loop") == 0)
		return client_loop(options, count, words);
	if (strcmp(command, "fill") == 0)
		return fill(options, count, words);
	if (strcmp(command, "void") == 0)
		return play_void(options, count, words);
	if (strcmp(command, "beyond") == 0)
		return play_beyond(options, count, words);
	if (strcmp(command, "pause") == 0)
		return play_pause(options);
	if (strcmp(command, "claim") == 0)
		return claim(count, words);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct options options = default_options();
	int count, status = EXIT_USAGE;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	count = take_options(&options, argc - 1, argv + 1);
	if (count > 0 && options.life_s > 0) {
		alarm((unsigned int)options.life_s);
		status = run(argv[1], &options, count - 1, argv + 2);
	}
	if (status == EXIT_USAGE)
		fputs(usage_text, stderr);
	return status;
}
