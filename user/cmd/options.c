/* SPDX-License-Identifier: Apache-2.0 */
/* One table of options: the parser and the help text both come from it. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/cmd.h"

enum {
	KEY_HOST_ROOT = 256,
	KEY_NODE,
	KEY_DURATION,
	KEY_FAIL,
	KEY_FORCE,
	KEY_PACKETS,
	KEY_PCAP,
	KEY_KUBECONFIG,
	KEY_NO_API,
	KEY_STATE,
	KEY_SNAPSHOT,
};

struct option_row {
	const char *name;
	const char *arg; /* NULL: takes none; "[=...]": may be left out */
	const char *help;
	unsigned int for_commands; /* WD_OPT_; 0: all */
	int key;
};

static const struct option_row rows[] = {
	{"output", "text|json", "form of the results; json is one object a line", WD_OPT_OUTPUT,
         'o'},
	{"duration", "T", "stop after T: 30s, 5m, 1h (default: at Ctrl-C)", WD_OPT_DURATION,
         KEY_DURATION},
	{"fail-on-finding", NULL, "exit with status 1 if a connection failed", WD_OPT_FAIL,
         KEY_FAIL},
	{"host-root", "DIR", "where the node's files are (default /)", WD_OPT_NODE, KEY_HOST_ROOT},
	{"node", "NAME", "name of this node in the results (default: its hostname)", WD_OPT_NODE,
         KEY_NODE},
	{"kubeconfig", "FILE",
         "how to reach the Kubernetes API (default: the pod's service account, $KUBECONFIG, "
         "~/.kube/config, the kubelet's)",
         WD_OPT_CLUSTER, KEY_KUBECONFIG},
	{"no-api", NULL, "do not ask the Kubernetes API: names come from this node alone",
         WD_OPT_CLUSTER, KEY_NO_API},
	{"state", "FILE",
         "keep there what the API said last, and use it when the API cannot be asked",
         WD_OPT_CLUSTER, KEY_STATE},
	{"snapshot", "DIR", "take the cluster's objects from there instead of the API",
         WD_OPT_CLUSTER, KEY_SNAPSHOT},
	{"packets", "[=on|off|auto]",
         "see packets pass pod devices and uplinks; auto (default): only while a connection is "
         "not answered",
         WD_OPT_PACKETS, KEY_PACKETS},
	{"pcap", "FILE",
         "write the headers of the packets behind each finding (pcapng); implies --packets",
         WD_OPT_PCAP, KEY_PCAP},
	{"force", "POINT=WAY", "attach a probe in this way only, or 'none' (see whydrop probes)",
         WD_OPT_FORCE, KEY_FORCE},
	{"help", NULL, "this text", 0, 'h'},
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static bool offered(const struct wd_command *cmd, const struct option_row *row)
{
	return !row->for_commands || (row->for_commands & cmd->options);
}

static bool may_be_left_out(const struct option_row *row)
{
	return row->arg && row->arg[0] == '[';
}

void wd_options_help(const struct wd_command *cmd)
{
	char left[64];

	printf("usage: whydrop %s %s\n\n%s\n", cmd->name, cmd->synopsis, cmd->details);
	printf("\nOptions:\n");
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct option_row *r = &rows[i];

		if (!offered(cmd, r))
			continue;
		if (r->key < 256)
			snprintf(left, sizeof(left), "-%c, --%s%s%s", r->key, r->name,
			         r->arg ? " " : "", r->arg ? r->arg : "");
		else
			snprintf(left, sizeof(left), "    --%s%s%s", r->name,
			         r->arg && !may_be_left_out(r) ? " " : "", r->arg ? r->arg : "");
		printf("  %-26s %s\n", left, r->help);
	}
}

int wd_duration_parse(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {
		{"", WD_NSEC_PER_SEC},       {"ms", WD_NSEC_PER_MSEC},      {"s", WD_NSEC_PER_SEC},
		{"m", 60 * WD_NSEC_PER_SEC}, {"h", 3600 * WD_NSEC_PER_SEC},
	};
	const uint64_t year = 366ull * 24 * 3600 * WD_NSEC_PER_SEC;
	uint64_t v = 0;
	size_t n = 0;

	for (; text[n] >= '0' && text[n] <= '9'; n++) {
		v = v * 10 + (uint64_t)(text[n] - '0');
		if (n >= 12)
			return -ERANGE;
	}
	if (n == 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + n, units[i].unit) != 0)
			continue;
		if (v == 0 || v > year / units[i].ns)
			return -ERANGE;
		*ret_ns = v * units[i].ns;
		return 0;
	}
	return -EINVAL;
}

/* "kfree_skb=raw_tp", "connect=none" */
static int parse_force(const char *arg, struct wd_options *o)
{
	char name[64];
	const char *eq = strchr(arg, '=');
	enum wd_point p;

	if (!eq || (size_t)(eq - arg) >= sizeof(name))
		return -EINVAL;
	memcpy(name, arg, (size_t)(eq - arg));
	name[eq - arg] = '\0';
	p = wd_point_by_name(name);
	if (p == WD_POINT_MAX)
		return -EINVAL;
	o->force[p] = wd_way_by_name(eq + 1);
	if (o->force[p] == WD_WAY_NONE && strcmp(eq + 1, "none") != 0)
		return -EINVAL;
	o->forced[p] = true;
	return 0;
}

static int parse_packets(const char *arg, struct wd_options *o)
{
	static const struct {
		const char *word;
		enum wd_packets packets;
	} words[] = {
		{"auto", WD_PACKETS_AUTO},
		{"on", WD_PACKETS_ON},
		{"off", WD_PACKETS_OFF},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (arg && strcmp(arg, words[i].word) != 0)
			continue;
		o->packets = arg ? words[i].packets : WD_PACKETS_ON;
		return 0;
	}
	return -EINVAL;
}

static int take(const struct wd_command *cmd, int key, const char *arg, struct wd_options *o)
{
	switch (key) {
	case 'o':
		if (strcmp(arg, "text") == 0)
			o->format = WD_FORMAT_TEXT;
		else if (strcmp(arg, "json") == 0)
			o->format = WD_FORMAT_JSON;
		else
			break;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	case KEY_HOST_ROOT:
		if (!arg[0])
			break;
		o->host_root = arg;
		return 0;
	case KEY_KUBECONFIG:
		if (!arg[0])
			break;
		o->kubeconfig = arg;
		return 0;
	case KEY_NO_API:
		o->no_api = true;
		return 0;
	case KEY_STATE:
		if (!arg[0])
			break;
		o->state = arg;
		return 0;
	case KEY_SNAPSHOT:
		if (!arg[0])
			break;
		o->snapshot = arg;
		return 0;
	case KEY_NODE:
		if (!arg[0])
			break;
		o->node = arg;
		return 0;
	case KEY_FAIL:
		o->fail_on_finding = true;
		return 0;
	case KEY_DURATION:
		if (wd_duration_parse(arg, &o->duration_ns) == 0)
			return 0;
		break;
	case KEY_PACKETS:
		if (parse_packets(arg, o) == 0)
			return 0;
		break;
	case KEY_PCAP:
		if (strcmp(arg, "-") == 0) {
			wd_complain("%s: --pcap -: the findings go to standard output; name a FIFO "
			            "or /dev/fd/N",
			            cmd->name);
			return -EINVAL;
		}
		if (!arg[0])
			break;
		o->pcap = arg;
		return 0;
	case KEY_FORCE:
		if (parse_force(arg, o) == 0)
			return 0;
		break;
	default:
		break;
	}
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].key == key && arg)
			wd_complain("%s: --%s does not take '%s' (wants %s)", cmd->name,
			            rows[i].name, arg, rows[i].arg ? rows[i].arg : "no value");
	return -EINVAL;
}

int wd_options_parse(const struct wd_command *cmd, int argc, char **argv, struct wd_options *ret)
{
	struct option longs[N_ROWS + 1];
	size_t n = 0;
	int key;

	memset(longs, 0, sizeof(longs));
	memset(ret, 0, sizeof(*ret));
	ret->host_root = "/";
	for (size_t i = 0; i < N_ROWS; i++) {
		if (!offered(cmd, &rows[i]))
			continue;
		longs[n].name = rows[i].name;
		longs[n].has_arg = may_be_left_out(&rows[i]) ? optional_argument
		                   : rows[i].arg             ? required_argument
		                                             : no_argument;
		longs[n++].val = rows[i].key;
	}
	/* what stands behind "--" is another program's and is not looked at */
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		if (!(cmd->options & WD_OPT_COMMAND) || !argv[i + 1]) {
			wd_complain("%s: %s", cmd->name,
			            argv[i + 1] ? "takes no command behind --"
			                        : "no command behind --");
			return -EINVAL;
		}
		ret->command = &argv[i + 1];
		argc = i;
		break;
	}
	optind = 0;
	opterr = 0;
	while ((key = getopt_long(argc, argv, ":o:h", longs, NULL)) != -1) {
		if (key == ':' || key == '?') {
			const char *word = argv[optind - 1];

			wd_complain("%s: %s: '%s' (whydrop %s --help)", cmd->name,
			            key == ':' ? "option needs a value" : "unknown option", word,
			            cmd->name);
			return -EINVAL;
		}
		if (key == 'o' && !(cmd->options & WD_OPT_OUTPUT)) {
			wd_complain("%s: unknown option: '-o'", cmd->name);
			return -EINVAL;
		}
		if (take(cmd, key, optarg, ret) < 0)
			return -EINVAL;
	}
	ret->words = argv + optind;
	ret->n_words = argc - optind;
	return 0;
}
