/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmd/cmd.h"

static void child_main(int err_fd, char **argv)
{
	sigset_t none;
	int e;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execvp(argv[0], argv);
	e = errno;
	if (write(err_fd, &e, sizeof(e)) < 0)
		_exit(126);
	_exit(127);
}

int wd_child_start(struct wd_child *c, char **argv)
{
	int p[2], e = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		e = errno;
		close(p[0]);
		close(p[1]);
		return -e;
	}
	if (pid == 0)
		child_main(p[1], argv);
	close(p[1]);
	do
		n = read(p[0], &e, sizeof(e));
	while (n < 0 && errno == EINTR);
	close(p[0]);
	if (n == (ssize_t)sizeof(e)) {
		waitpid(pid, NULL, 0);
		return -e;
	}
	c->pid = pid;
	return 0;
}

bool wd_child_reap(struct wd_child *c)
{
	if (!c->pid || c->ended || waitpid(c->pid, &c->status, WNOHANG) != c->pid)
		return false;
	c->ended = true;
	return true;
}

void wd_child_stop(struct wd_child *c)
{
	wd_child_reap(c);
	if (!c->pid || c->ended)
		return;
	kill(c->pid, SIGTERM);
	/* it has a tenth of a second to go by itself */
	for (unsigned int i = 0; i < 20 && !wd_child_reap(c); i++)
		usleep(5000);
	if (c->ended)
		return;
	kill(c->pid, SIGKILL);
	if (waitpid(c->pid, &c->status, 0) == c->pid)
		c->ended = true;
}

void wd_child_report(const struct wd_child *c, char **argv)
{
	if (!c->ended)
		return;
	if (WIFEXITED(c->status) && WEXITSTATUS(c->status))
		wd_complain("'%s' ended with status %d", argv[0], WEXITSTATUS(c->status));
	else if (WIFSIGNALED(c->status))
		wd_complain("'%s' was ended by signal %d (%s)", argv[0], WTERMSIG(c->status),
		            strsignal(WTERMSIG(c->status)));
}
