# SPDX-License-Identifier: Apache-2.0
# What must be the same whichever way the events came. Without ids, ports, times and counts.
[.[] | select(.type == "finding" and .final) | {cause, confidence, outcome, proto, error, target,
	client: {ip: .client.ip, pod: .client.pod, comm: .client.process.comm}, backend,
	drop: (.drop // null | if type == "object" then {reason, function, hook, device} else . end),
	evidence: ([.evidence[]?.kind] | unique)}] | sort_by(.target.ip, .target.port)
