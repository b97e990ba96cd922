/* SPDX-License-Identifier: Apache-2.0 */
/* The reproducer behind `--`. Its output goes to stderr: stdout is for results. */
#ifndef WD_CMD_CHILD_H
#define WD_CMD_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct wd_child {
	pid_t pid; /* 0: none */
	bool ended;
	int status; /* as of waitpid(2) */
};

/* Negative errno of fork or of exec. */
int wd_child_start(struct wd_child *c, char **argv);
/* After SIGCHLD: true when it has just ended. */
bool wd_child_reap(struct wd_child *c);
/* Ends it if it still runs. */
void wd_child_stop(struct wd_child *c);
/* One line on stderr if it did not end well. */
void wd_child_report(const struct wd_child *c, char **argv);

#endif
