/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel addresses to function names, from /proc/kallsyms.
 *
 * The file is long (100 000 lines and more) and few addresses are ever asked for, so it
 * is scanned when an unknown one comes up, and the answers are kept. Where addresses are
 * hidden (kptr_restrict, no CAP_SYSLOG) every answer is NULL.
 */
#ifndef WD_PROBE_KSYMS_H
#define WD_PROBE_KSYMS_H

#include <stdbool.h>
#include <stdint.h>

struct wd_ksyms;

int wd_ksyms_new(struct wd_ksyms **ret);
void wd_ksyms_free(struct wd_ksyms *k);
/* The function that holds the address; NULL unknown. Lives as long as k. */
const char *wd_ksyms_name(struct wd_ksyms *k, uint64_t addr);
/* Is there a function of this name? 1, 0, or the error of reading. Scans the file. */
int wd_ksyms_has(const char *function);

#endif
