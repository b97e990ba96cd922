# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Every way to attach that this kernel offers, forced in turn over one workload. All points
# that have a way take it in the same run; the host compares what was found with the default
# ladder's findings.

ways() {
	local way point
	WORK=$LAB/work/ways
	mkdir -p "$WORK" "$KEEP/ways"
	BLAME=()
	ways_setup >"$WORK/setup" 2>&1 || true
	ways_run default
	for way in $(jq -r 'select(.type == "probe") | .ways[] | select(.works) | .way' "$KEEP/probes.json" | sort -u); do
		mapfile -t points < <(jq -r --arg w "$way" 'select(.type == "probe") | select(.ways | any(.way == $w and .works)) | .point' \
			"$KEEP/probes.json")
		ways_run "$way" "${points[@]/%/=$way}"
		ways_same "$way" && continue
		# which of them is it?
		for point in "${points[@]}"; do
			ways_run "$way.$point" "$point=$way"
		done
	done
	undo_all >>"$WORK/setup" 2>&1
	cp "$WORK/setup" "$KEEP/ways/"
}

ways_setup() {
	serve upstream "$SERVER" 80 81 --mode answer --life "$LAB_LIFE"
	rule iptables-legacy filter FORWARD -d "$SERVER" -p tcp --dport 81 -j DROP
	rule iptables-nft filter FORWARD -d "$SERVER" -p tcp --dport 82 -j REJECT
	route cart add unreachable 192.0.2.1/32
}

# ways_run NAME POINT=WAY…: once more if whydrop itself says that it lost something: a program of
# ours that is interrupted, on a processor that others take away, misses what comes meanwhile
ways_run() {
	local name=$1 forced=() word
	shift
	for word; do forced+=(--force "$word"); done
	ways_once
	grep -q '"lost":0}$' "$KEEP/ways/$name" || ways_once
	say "done way $name"
}

ways_once() {
	whydrop trace "${forced[@]}" --host-root "$HOST_ROOT" -o json "${POD_IP[api]}" "$SERVER" 192.0.2.1 -- \
		nsenter --net="$(netns_path cart)" -- bash "$HERE/workload" "$PEER" "${POD_IP[api]}" "$SERVER" \
		>"$KEEP/ways/$name" 2>"$KEEP/ways/$name.err" || echo "status $?" >>"$KEEP/ways/$name.err"
}

ways_same() {
	[ "$(jq -sc -f "$HERE/ways.jq" "$KEEP/ways/$1" 2>&1)" = "$(jq -sc -f "$HERE/ways.jq" "$KEEP/ways/default" 2>&1)" ]
}
