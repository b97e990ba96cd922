/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of --pcap: what output/capture.h makes, written block by block.
 *
 * Like tcpdump -w it replaces what the file held before. It never follows a symbolic link
 * that stands in the file's own place, since whydrop runs as root in directories where others
 * may write; /dev/fd/N is the open descriptor N. A file that whydrop makes is for its owner
 * only. When the disk is full, the file ends with its last whole block, and the trace goes on.
 *
 * A wd_pcap may be NULL in all calls but the first: they do nothing then.
 */
#ifndef WD_CMD_PCAP_H
#define WD_CMD_PCAP_H

#include "model/event.h"
#include "model/finding.h"

struct wd_pcap;

/* Opens and starts the file. A negative errno, after a message. kernel: its release. */
int wd_pcap_open(const char *path, const char *kernel, struct wd_pcap **ret);
/* e: WD_EVENT_SNAP. Its strings must live until wd_pcap_finish(). */
void wd_pcap_packet(struct wd_pcap *p, const struct wd_event *e);
void wd_pcap_finding(struct wd_pcap *p, const struct wd_finding *f);
/* Hands on what a pipe did not take before; to be called now and then. */
void wd_pcap_flush(struct wd_pcap *p);
/* Writes what is pending, and says what the file holds. */
void wd_pcap_finish(struct wd_pcap *p);
void wd_pcap_close(struct wd_pcap *p);

#endif
