/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "bpf/abi.h"
#include "cmd/cmd.h"

static int run(const struct wd_options *o)
{
	if (o->n_words) {
		wd_complain("version: takes no '%s'", o->words[0]);
		return WD_EXIT_USAGE;
	}
	printf("whydrop %s (record version %d)\n", WD_VERSION, WD_ABI);
	return WD_EXIT_OK;
}

const struct wd_command wd_cmd_version = {
	.name = "version",
	.synopsis = "",
	.summary = "which version this is",
	.details = "Prints the version of whydrop and of the records of its BPF programs.",
	.run = run,
};
