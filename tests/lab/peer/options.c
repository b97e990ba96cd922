// SPDX-License-Identifier: Apache-2.0
/* The command line. */
#include "peer.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LIFE_SECONDS 120

static const char *const server_modes[] = {
	[SERVE_ECHO] = "echo",           [SERVE_ANSWER] = "answer",
	[SERVE_RESET] = "reset",         [SERVE_HALF_CLOSE] = "half-close",
	[SERVE_UNREAD] = "unread",       [SERVE_BIG] = "big",
	[SERVE_HOLD] = "hold",           [SERVE_MIX] = "mix",
	[SERVE_NO_ACCEPT] = "no-accept",
};

static const char *const close_modes[] = {
	[CLOSE_NORMAL] = "normal", [CLOSE_RST] = "rst",   [CLOSE_EARLY] = "early",
	[CLOSE_UNREAD] = "unread", [CLOSE_HALF] = "half",
};

static int find_word(const char *const *table, int size, const char *word)
{
	for (int i = 0; i < size; i++)
		if (strcmp(table[i], word) == 0)
			return i;
	return -1;
}

static long number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	return *text == '\0' || *end != '\0' || value < 0 || value > 100000000 ? -1 : value;
}

enum option_kind {
	OPTION_FLAG,
	OPTION_INT,
	OPTION_SIZE,
	OPTION_TEXT,
	OPTION_SERVER_MODE,
	OPTION_CLOSE_MODE,
};

#define OPTION(name, kind, field)                                    \
	{                                                            \
		name, OPTION_##kind, offsetof(struct options, field) \
	}

static const struct option_row {
	const char *name;
	enum option_kind kind;
	size_t offset;
} option_rows[] = {
	OPTION("--udp", FLAG, udp),           OPTION("--blocking", FLAG, blocking),
	OPTION("--mode", SERVER_MODE, mode),  OPTION("--close", CLOSE_MODE, close),
	OPTION("--backlog", INT, backlog),    OPTION("--count", INT, count),
	OPTION("--timeout", INT, timeout_ms), OPTION("--io-timeout", INT, io_timeout_ms),
	OPTION("--hold", INT, hold_ms),       OPTION("--life", INT, life_s),
	OPTION("--read", SIZE, read),         OPTION("--send", SIZE, send),
	OPTION("--answer", SIZE, answer),     OPTION("--expect", SIZE, expect),
	OPTION("--source", TEXT, source),     OPTION("--ready", TEXT, ready),
	OPTION("--report", TEXT, report),     OPTION("--mark", TEXT, mark),
	OPTION("--await", TEXT, await),
};

const char usage_text[] =
	"usage: peer serve ADDRESS PORT... [--udp] [--mode M] [--backlog N]\n"
	"                  [--read N] [--answer N]\n"
	"       peer connect ADDRESS PORT [--udp] [--timeout MS] [--blocking] [--send N]\n"
	"                    [--expect N] [--io-timeout MS] [--hold MS] [--close M] [--count N]\n"
	"                    [--source ADDRESS] [--mark FILE] [--await FILE] [--report FILE]\n"
	"       peer loop ADDRESS PORT... --count N\n"
	"       peer fill ADDRESS PORT --count N\n"
	"       peer void DEVICE\n"
	"       peer beyond DEVICE rst|icmp|syn-ack\n"
	"       peer pause\n"
	"       peer claim PREFIX\n"
	"each: [--ready FILE] [--life SECONDS]\n"
	"server modes: echo answer reset half-close unread big hold mix no-accept\n"
	"close modes: normal rst early unread half\n";

struct options default_options(void)
{
	return (struct options){
		.backlog = 128,
		.count = 1,
		.timeout_ms = 2000,
		.io_timeout_ms = 2000,
		.life_s = LIFE_SECONDS,
		.read = 1,
		.answer = 2,
	};
}

/* Returns false for a value that does not fit its option. */
static bool set_option(struct options *options, const struct option_row *row, char *value)
{
	void *field = (char *)options + row->offset;
	long n = row->kind == OPTION_INT || row->kind == OPTION_SIZE ? number(value) : 0;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)field = true;
		break;
	case OPTION_INT:
		*(int *)field = (int)n;
		break;
	case OPTION_SIZE:
		*(size_t *)field = (size_t)n;
		break;
	case OPTION_TEXT:
		*(const char **)field = value;
		break;
	case OPTION_SERVER_MODE:
		n = *(int *)field = find_word(server_modes, SERVE_INVALID, value);
		break;
	case OPTION_CLOSE_MODE:
		n = *(int *)field = find_word(close_modes, CLOSE_INVALID, value);
		break;
	}
	return n >= 0;
}

int take_options(struct options *options, int count, char **words)
{
	const size_t rows = sizeof(option_rows) / sizeof(option_rows[0]);
	int left = 0;

	for (int i = 0; i < count; i++) {
		size_t row = 0;
		char *value = NULL;

		if (strncmp(words[i], "--", 2) != 0) {
			words[left++] = words[i];
			continue;
		}
		while (row < rows && strcmp(option_rows[row].name, words[i]) != 0)
			row++;
		if (row == rows)
			return -1;
		if (option_rows[row].kind != OPTION_FLAG && (value = words[++i]) == NULL)
			return -1;
		if (!set_option(options, &option_rows[row], value))
			return -1;
	}
	return left;
}
