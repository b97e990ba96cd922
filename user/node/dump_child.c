/* SPDX-License-Identifier: Apache-2.0 */
#include "node/dump_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

bool wd_dump_child_find(const char *path, const char *tool, char *ret, size_t size)
{
	while (*path) {
		size_t n = strcspn(path, ":");
		int len = snprintf(ret, size, "%.*s/%s", (int)n, path, tool);

		if (n && len > 0 && (size_t)len < size && !access(ret, X_OK))
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

/* Signals as a program expects to find them, and a group of its own, so that what it starts
 * can be ended with it. */
static int attributes(posix_spawnattr_t *a)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	return posix_spawnattr_setflags(a, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
	                                           POSIX_SPAWN_SETSIGDEF) ||
	       posix_spawnattr_setpgroup(a, 0) || posix_spawnattr_setsigmask(a, &none) ||
	       posix_spawnattr_setsigdefault(a, &all);
}

static int spawn(struct wd_dump_child *c, char *const *argv, const char *path, int out, int err)
{
	char path_env[512], locale[] = "LC_ALL=C", *env[] = {locale, path_env, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int r;

	if ((size_t)snprintf(path_env, sizeof(path_env), "PATH=%s", path) >= sizeof(path_env))
		return -ENAMETOOLONG;
	if (posix_spawn_file_actions_init(&files))
		return -ENOMEM;
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&files);
		return -ENOMEM;
	}
	r = ENOMEM;
	if (!attributes(&attr) &&
	    !posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0) &&
	    !posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO) &&
	    !posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO))
		r = posix_spawn(&c->pid, argv[0], &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	if (r)
		c->pid = 0;
	return -r;
}

/* posix_spawn(3) knows no limits. What the child has allocated until here, at the start of its
 * main(), is little. */
static int limit(const struct wd_dump_child *c, uint64_t memory_max)
{
	struct rlimit l;

	if (memory_max >= RLIM_INFINITY)
		return 0;
	if (prlimit(c->pid, RLIMIT_AS, NULL, &l) < 0)
		return -errno;
	if (l.rlim_max < memory_max)
		memory_max = l.rlim_max;
	l.rlim_cur = l.rlim_max = memory_max;
	return prlimit(c->pid, RLIMIT_AS, &l, NULL) < 0 ? -errno : 0;
}

int wd_dump_child_start(struct wd_dump_child *c, char *const *argv, const char *path,
                        uint64_t memory_max)
{
	int out[2], err[2], r;

	*c = (struct wd_dump_child){.out = -1, .err = -1};
	if (pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	if (pipe2(err, O_CLOEXEC | O_NONBLOCK) < 0) {
		r = -errno;
		close(out[0]);
		close(out[1]);
		return r;
	}
	/* its ends are plain ones: a program that meets EAGAIN loses output */
	fcntl(out[1], F_SETFL, 0);
	fcntl(err[1], F_SETFL, 0);
	r = spawn(c, argv, path, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	if (r < 0) {
		close(out[0]);
		close(err[0]);
		return r;
	}
	c->out = out[0];
	c->err = err[0];
	/* it may be over already, which is no error; a tool without a limit is none that we want */
	r = limit(c, memory_max);
	if (r < 0 && r != -ESRCH) {
		wd_dump_child_stop(c);
		return r;
	}
	return 0;
}

static uint64_t timeval_ns(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * WD_NSEC_PER_SEC + (uint64_t)t->tv_usec * WD_NSEC_PER_USEC;
}

static bool reap(struct wd_dump_child *c, int flags)
{
	siginfo_t info = {0};
	struct rusage u;
	int r;

	if (!c->pid)
		return true;
	do
		r = waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT | flags);
	while (r < 0 && errno == EINTR);
	if (!r && !info.si_pid)
		return false;
	if (!r) {
		/* What it has left behind goes with it: now, while the number is still its own. */
		kill(-c->pid, SIGKILL);
		if (wait4(c->pid, &c->status, 0, &u) == c->pid) {
			c->cpu_ns = timeval_ns(&u.ru_utime) + timeval_ns(&u.ru_stime);
			c->memory = (uint64_t)u.ru_maxrss << 10;
		}
	}
	/* else somebody else has waited for it: nothing more is known than that it is gone */
	c->pid = 0;
	return true;
}

bool wd_dump_child_reap(struct wd_dump_child *c)
{
	return reap(c, WNOHANG);
}

void wd_dump_child_stop(struct wd_dump_child *c)
{
	if (c->pid) {
		kill(-c->pid, SIGKILL);
		kill(c->pid, SIGKILL);
		reap(c, 0);
	}
	if (c->out >= 0)
		close(c->out);
	if (c->err >= 0)
		close(c->err);
	c->out = c->err = -1;
}
