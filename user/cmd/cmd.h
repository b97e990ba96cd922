/* SPDX-License-Identifier: Apache-2.0 */
/* Commands, their exit statuses, and the options that they share. */
#ifndef WD_CMD_CMD_H
#define WD_CMD_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "model/target.h"
#include "probe/probe.h"

enum wd_exit {
	WD_EXIT_OK = 0,
	WD_EXIT_FINDING = 1, /* with --fail-on-finding */
	WD_EXIT_USAGE = 2,
	WD_EXIT_CANNOT = 3, /* cannot run here */
};

enum wd_format {
	WD_FORMAT_TEXT,
	WD_FORMAT_JSON,
};

/* Packet hooks, and what else runs for each packet: by itself for a connection that is not
 * answered, from the start, never. */
enum wd_packets {
	WD_PACKETS_AUTO,
	WD_PACKETS_ON,
	WD_PACKETS_OFF,
};

struct wd_options {
	enum wd_format format;
	const char *host_root;
	const char *node;
	uint64_t duration_ns; /* 0: until a signal */
	bool fail_on_finding;
	enum wd_packets packets;
	const char *pcap; /* file; NULL none */
	bool no_api;
	const char *kubeconfig; /* each: NULL none */
	const char *state;
	const char *snapshot;
	bool help;
	bool forced[WD_POINT_MAX];
	enum wd_way force[WD_POINT_MAX];
	char **words; /* what is not an option, before "--" */
	int n_words;
	char **command; /* behind "--", ends with NULL; NULL none */
};

/* Which of the shared options a command takes. */
#define WD_OPT_OUTPUT   0x01
#define WD_OPT_NODE     0x02 /* --host-root, --node */
#define WD_OPT_DURATION 0x04
#define WD_OPT_FAIL     0x08
#define WD_OPT_FORCE    0x10
#define WD_OPT_COMMAND  0x20 /* takes "-- CMD" */
#define WD_OPT_PACKETS  0x80
#define WD_OPT_PCAP     0x100
#define WD_OPT_CLUSTER  0x200 /* --kubeconfig, --no-api, --state, --snapshot */

struct wd_command {
	const char *name;
	const char *synopsis;
	const char *summary;
	const char *details;
	unsigned int options; /* WD_OPT_ */
	int (*run)(const struct wd_options *o);
};

extern const struct wd_command wd_cmd_trace, wd_cmd_snapshot, wd_cmd_probes, wd_cmd_version;

/* Parses argv behind the command's name. 0 or -EINVAL, after a message. */
int wd_options_parse(const struct wd_command *cmd, int argc, char **argv, struct wd_options *ret);
void wd_options_help(const struct wd_command *cmd);
/* "5s", "500ms", "2m", "1h", "10" (seconds); -EINVAL, -ERANGE (0, or more than a year). */
int wd_duration_parse(const char *text, uint64_t *ret_ns);

/* One line "whydrop: ..." on stderr; control bytes are escaped. */
void wd_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* When required privileges are missing: says which and how to get them; true then. Of the
 * others that are missing it says what is lost by that. */
bool wd_privileges_complain(void);

#endif
