/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "node/privileges.h"

void wd_complain(const char *fmt, ...)
{
	char line[1024];
	struct wd_buf b;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(line))
		n = sizeof(line) - 1;
	wd_buf_init(&b, 16384);
	wd_buf_puts(&b, "whydrop: ");
	wd_text_escape(&b, line, (size_t)n);
	wd_buf_putc(&b, '\n');
	if (!b.err)
		fwrite(b.data, 1, b.len, stderr);
	wd_buf_release(&b);
}

bool wd_privileges_complain(void)
{
	struct wd_privileges p = {0};

	if (wd_privileges_missing(&p) <= 0) {
		for (unsigned int i = 0; i < p.n_optional; i++)
			wd_complain("without %s: %s", p.optional[i].name, p.optional[i].cost);
		return false;
	}
	for (unsigned int i = 0; i < p.n_required; i++)
		wd_complain("missing %s: %s", p.required[i].name, p.required[i].cost);
	wd_complain("run it as root, or in a privileged container, or with the capabilities "
	            "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_PTRACE, "
	            "CAP_DAC_READ_SEARCH and CAP_SYSLOG");
	return true;
}
