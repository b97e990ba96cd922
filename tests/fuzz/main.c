/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzzer without clang's runtime: pseudo-random mutations of its seeds, without
 * feedback. Every run is determined by its number alone, so that one that failed can be
 * repeated:  record_fuzz -r 4711
 */
#include "fuzz.h"

#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#define SEEDS_MAX 64

static struct {
	uint8_t *p;
	size_t n;
} seeds[SEEDS_MAX];
static size_t n_seeds;
static uint64_t base = 0x77686472, current;

/* ---- numbers ----------------------------------------------------------------------------- */

static uint64_t state;

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t random64(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static size_t below(size_t n)
{
	return n ? (size_t)(random64() % n) : 0;
}

/* ---- mutations --------------------------------------------------------------------------- */

static void overwrite(uint8_t *b, size_t n)
{
	static const uint64_t odd[] = {0,         1,          2,          0x7f,       0x80,
	                               0xff,      0x100,      0x7fff,     0x8000,     0xffff,
	                               0x10000,   0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
	                               INT64_MAX, UINT64_MAX};
	size_t width = (size_t)1 << below(4);
	uint64_t v = odd[below(sizeof(odd) / sizeof(odd[0]))];

	if (below(4) == 0)
		v = random64();
	if (n >= width)
		memcpy(b + below(n - width + 1), &v, width);
}

static void put_text(uint8_t *b, size_t n)
{
	static const char chars[] = "0123456789abcdefABCDEF.:/[]-_ \t\n\r%\"\\{},'*x\x7f\xc3\xff";

	if (n)
		b[below(n)] = (uint8_t)chars[below(sizeof(chars))]; /* NUL too */
}

static size_t insert(uint8_t *b, size_t n)
{
	size_t len = 1 + below(16), at = below(n + 1);

	if (n + len > WD_FUZZ_MAX)
		return n;
	memmove(b + at + len, b + at, n - at);
	if (n && below(2)) {
		/* a piece of itself again */
		for (size_t i = 0; i < len; i++)
			b[at + i] = b[(at + len + i) % (n + len)];
	} else {
		memset(b + at, (int)random64(), len);
	}
	return n + len;
}

static size_t erase(uint8_t *b, size_t n)
{
	size_t at = below(n), len = 1 + below(below(4) ? 8 : n + 1);

	if (!n)
		return 0;
	if (len > n - at)
		len = n - at;
	memmove(b + at, b + at + len, n - at - len);
	return n - len;
}

/* The rest of another seed from some place on. */
static size_t splice(uint8_t *b, size_t n)
{
	size_t i = below(n_seeds), at = below(n + 1), from = below(seeds[i].n + 1);
	size_t len = seeds[i].n - from;

	if (len > WD_FUZZ_MAX - at)
		len = WD_FUZZ_MAX - at;
	memcpy(b + at, seeds[i].p + from, len);
	return at + len;
}

static size_t append(uint8_t *b, size_t n)
{
	size_t i = below(n_seeds);

	if (seeds[i].n > WD_FUZZ_MAX - n)
		return n;
	memcpy(b + n, seeds[i].p, seeds[i].n);
	return n + seeds[i].n;
}

static size_t mutate(uint8_t *b, size_t n)
{
	switch (below(10)) {
	case 0:
		if (n)
			b[below(n)] ^= (uint8_t)(1u << below(8));
		return n;
	case 1:
		if (n)
			b[below(n)] = (uint8_t)random64();
		return n;
	case 2:
	case 3:
		overwrite(b, n);
		return n;
	case 4:
	case 5:
		put_text(b, n);
		return n;
	case 6:
		return insert(b, n);
	case 7:
		return erase(b, n);
	case 8:
		return below(2) ? splice(b, n) : append(b, n);
	default:
		return below(8) ? n : below(n + 1); /* cut */
	}
}

/* ---- runs -------------------------------------------------------------------------------- */

static void run_one(const uint8_t *b, size_t n)
{
	/* a block of exactly that size: one byte further is an error */
	uint8_t *exact = malloc(n ? n : 1);

	if (!exact)
		abort();
	if (n)
		memcpy(exact, b, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

static size_t make(uint64_t run, uint8_t b[WD_FUZZ_MAX])
{
	size_t i, n, times;

	state = base ^ run * 0xd1342543de82ef95ull;
	i = run < n_seeds ? (size_t)run : below(n_seeds);
	n = seeds[i].n;
	memcpy(b, seeds[i].p, n);
	if (run < n_seeds)
		return n; /* first the seeds as they are */
	times = 1 + below(below(4) ? 4 : 32);
	while (times--)
		n = mutate(b, n);
	return n;
}

static void on_signal(int sig)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "repeat with: -r %llu\n", (unsigned long long)current);

	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		_exit(2);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Of the sanitizers' runtime, where there is one. */
void __sanitizer_set_death_callback(void (*fn)(void)) __attribute__((weak));

static void on_death(void)
{
	fprintf(stderr, "repeat with: -r %llu\n", (unsigned long long)current);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int run_file(const char *path)
{
	static uint8_t b[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		perror(path);
		return 1;
	}
	n = fread(b, 1, sizeof(b), f);
	fclose(f);
	run_one(b, n);
	return 0;
}

static int usage(const char *name)
{
	fprintf(stderr,
	        "usage: %s [-t SECONDS] [-n RUNS] [-s SEED] [-r RUN [-w]] [FILE...]\n"
	        "  -r RUN: only this one; -w: write its input to standard output instead\n",
	        name);
	return 2;
}

int main(int argc, char **argv)
{
	static uint8_t b[WD_FUZZ_MAX];
	uint64_t runs = UINT64_MAX, only = 0;
	double limit = 2, start = seconds();
	bool one = false, write_it = false;
	size_t n;
	int opt;

	while ((opt = getopt(argc, argv, "t:n:s:r:w")) != -1) {
		switch (opt) {
		case 't':
			limit = atof(optarg);
			break;
		case 'n':
			runs = strtoull(optarg, NULL, 0);
			break;
		case 's':
			base = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			only = strtoull(optarg, NULL, 0);
			one = true;
			break;
		case 'w':
			write_it = true;
			break;
		default:
			return usage(argv[0]);
		}
	}
	if (optind < argc) {
		int r = 0;

		for (int i = optind; i < argc; i++)
			r |= run_file(argv[i]);
		return r;
	}
	while (n_seeds < SEEDS_MAX && (n = wd_fuzz_seed(n_seeds, b)) > 0) {
		seeds[n_seeds].p = malloc(n);
		if (!seeds[n_seeds].p)
			abort();
		memcpy(seeds[n_seeds].p, b, n);
		seeds[n_seeds++].n = n;
	}
	if (!n_seeds)
		return usage(argv[0]);
	signal(SIGABRT, on_signal);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(on_death);
	if (one)
		current = only;
	for (; one || (current < runs && (current % 64 || seconds() - start < limit)); current++) {
		n = make(current, b);
		if (write_it)
			return fwrite(b, 1, n, stdout) != n;
		run_one(b, n);
		if (one)
			break;
	}
	for (size_t i = 0; i < n_seeds; i++)
		free(seeds[i].p);
	printf("%llu runs in %.1f s\n", (unsigned long long)(one ? 1 : current), seconds() - start);
	return 0;
}
