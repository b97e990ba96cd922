// SPDX-License-Identifier: Apache-2.0
/* What the runner of the lab hears: complaints, marks, and a client's last word. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void complain(const char *format, ...)
{
	va_list args;

	fputs("peer: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

const char *errno_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "E?";
}

int touch(const char *path)
{
	int fd;

	if (!path)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0) {
		complain("%s: %s", path, errno_name(errno));
		return -1;
	}
	close(fd);
	return 0;
}

const char *meet_runner(const struct options *options)
{
	int64_t deadline = now_ms() + 10000;

	if (touch(options->mark))
		return "EIO";
	while (options->await && access(options->await, F_OK) != 0) {
		if (now_ms() > deadline)
			return "ETIME";
		sleep_ms(5);
	}
	return "ok";
}

static int exit_status_of(const char *word)
{
	static const struct {
		const char *word;
		int status;
	} known[] = {
		{"ok", EXIT_OK},
		{"ECONNREFUSED", EXIT_REFUSED},
		{"TIMEOUT", EXIT_TIMED_OUT},
		{"STALLED", EXIT_TIMED_OUT},
		{"NO-ANSWER", EXIT_TIMED_OUT},
		{"ETIMEDOUT", EXIT_TIMED_OUT},
		{"ECONNRESET", EXIT_RESET},
		{"EPIPE", EXIT_RESET},
		{"EHOSTUNREACH", EXIT_UNREACHABLE},
		{"ENETUNREACH", EXIT_UNREACHABLE},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(word, known[i].word) == 0)
			return known[i].status;
	return EXIT_OTHER_ERROR;
}

int outcome_of(const struct options *options, const char *step, const char *word)
{
	FILE *file;

	if (strcmp(word, "ok") != 0)
		complain("%s: %s", step, word);
	if (options->report) {
		file = fopen(options->report, "we");
		if (!file || fprintf(file, "%s\n", word) < 0 || fclose(file))
			complain("%s: %s", options->report, errno_name(errno));
	}
	return exit_status_of(word);
}
