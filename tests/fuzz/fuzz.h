/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One fuzzer is one file here: LLVMFuzzerTestOneInput() and its seeds. Linked with main.c
 * it is a program of its own that needs no other runtime; with clang's
 * -fsanitize=fuzzer, leave main.c out.
 */
#ifndef WD_TESTS_FUZZ_H
#define WD_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No seed or input is longer. */
#define WD_FUZZ_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Writes seed i and returns its size; 0: there are no more. */
size_t wd_fuzz_seed(size_t i, uint8_t buf[WD_FUZZ_MAX]);

/* For text: struct wd_fuzz_text seeds[] = {WD_FUZZ_TEXT("..."), ...}; */
struct wd_fuzz_text {
	const char *p;
	size_t n;
};
#define WD_FUZZ_TEXT(s)          \
	{                        \
		s, sizeof(s) - 1 \
	}
#define WD_FUZZ_TEXT_SEEDS(...)                                                        \
	size_t wd_fuzz_seed(size_t i, uint8_t buf[WD_FUZZ_MAX])                        \
	{                                                                              \
		static const struct wd_fuzz_text texts[] = {__VA_ARGS__};              \
                                                                                       \
		if (i >= sizeof(texts) / sizeof(texts[0]) || texts[i].n > WD_FUZZ_MAX) \
			return 0;                                                      \
		memcpy(buf, texts[i].p, texts[i].n);                                   \
		return texts[i].n;                                                     \
	}

/* What holds whatever the input is. */
#define WD_FUZZ_CHECK(what)                                                                  \
	do {                                                                                 \
		if (!(what)) {                                                               \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #what); \
			abort();                                                             \
		}                                                                            \
	} while (0)

/* The input as a C string, for parsers that take one. */
static inline char *wd_fuzz_string(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	if (!s)
		abort();
	if (size)
		memcpy(s, data, size);
	s[size] = '\0';
	return s;
}

#endif
