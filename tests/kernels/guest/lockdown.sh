# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A locked-down kernel ("confidentiality"): BPF may not read kernel memory. It cannot be taken
# back, so it comes last. The workload of the ways again, and one packet dropped where its own
# process sends it.

lockdown() {
	WORK=$LAB/work/lockdown
	mkdir -p "$WORK" "$KEEP/lockdown"
	BLAME=()
	if ! echo confidentiality >/sys/kernel/security/lockdown 2>"$KEEP/lockdown/refused"; then
		say "done lockdown: this kernel has none"
		return
	fi
	"$WHYDROP" probes -o json >"$KEEP/lockdown/probes.json" 2>"$KEEP/lockdown/probes.err" || true
	ways_setup >"$WORK/setup" 2>&1 || true
	in_netns node iptables-legacy -A OUTPUT -d "$SERVER" -p tcp --dport 83 -j DROP
	whydrop trace --host-root "$HOST_ROOT" -o json "${POD_IP[api]}" "$SERVER" 192.0.2.1 -- \
		bash -c 'nsenter --net="$1" -- bash "$2" "$3" "$4" "$5"; exec "$3" connect "$5" 83 --timeout 1300' - \
		"$(netns_path cart)" "$HERE/workload" "$PEER" "${POD_IP[api]}" "$SERVER" \
		>"$KEEP/lockdown/trace" 2>"$KEEP/lockdown/trace.err" || echo "status $?" >>"$KEEP/lockdown/trace.err"
	undo_all >>"$WORK/setup" 2>&1
	say "done lockdown"
}
