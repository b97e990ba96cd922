/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/memory.h"

static const struct wd_command *const commands[] = {
	&wd_cmd_trace,
	&wd_cmd_snapshot,
	&wd_cmd_probes,
	&wd_cmd_version,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help(FILE *to)
{
	fprintf(to, "whydrop tells why a connection failed on this Kubernetes node.\n\n"
	            "usage: whydrop COMMAND [options]\n\nCommands:\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to,
	        "\nwhydrop COMMAND --help tells more. Exit status: 0 done, 1 a connection failed\n"
	        "(with --fail-on-finding), 2 wrong usage, 3 cannot run here.\n");
}

int main(int argc, char **argv)
{
	struct wd_options o;
	const char *name;

	/* a closed pipe is an error of write(2), met where it happens */
	signal(SIGPIPE, SIG_IGN);
	wd_memory_start();
	if (argc < 2) {
		help(stderr);
		return WD_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		help(stdout);
		return WD_EXIT_OK;
	}
	name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(name, commands[i]->name) != 0)
			continue;
		if (wd_options_parse(commands[i], argc - 1, argv + 1, &o) < 0)
			return WD_EXIT_USAGE;
		if (o.help) {
			wd_options_help(commands[i]);
			return WD_EXIT_OK;
		}
		return commands[i]->run(&o);
	}
	wd_complain("unknown command '%s' (whydrop --help)", argv[1]);
	return WD_EXIT_USAGE;
}
