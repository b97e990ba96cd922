#!/usr/bin/env bash
# How packet hooks end: trials, two at once, SIGKILL.
#
# tcx and XDP links end with their process. Filters of a clsact qdisc do not: the next start
# removes them, those of dead whydrops alone, and the qdisc if a whydrop made it and nobody
# else has moved in.
. "$LAB_SOURCE/check.sh"
. "$LAB_SOURCE/hooks/beside.sh"

trial() {
	state >"$WORK/before"
	in_netns node "$HOOKS" trial "$DEVICE" >"$WORK/trial" 2>&1 || problem "status $?"
	grep -q '^trial clsact 0' "$WORK/trial" || problem "$(tr '\n' '|' <"$WORK/trial")"
	grep -q '^trial xdp 0' "$WORK/trial" || problem "$(tr '\n' '|' <"$WORK/trial")"
	unchanged
	conclude "trials of every way leave nothing"
}

# two WAY: side by side; one ends, the other goes on
two() {
	state >"$WORK/before"
	run one watch "$1" "$TARGET" "$DEVICE"
	run other watch "$1" "$TARGET" "$DEVICE"
	sees one
	sees other
	finish one
	sees other
	run one watch "$1" "$TARGET" "$DEVICE"
	sees one
	sees other
	finish other
	sees one
	finish one
	unchanged
	conclude "$1, two at once"
}

unchanged_now() {
	state >"$WORK/after"
	cmp -s "$WORK/before" "$WORK/after"
}

killed_tcx() {
	state >"$WORK/before"
	run ours watch auto "$TARGET" "$DEVICE+xdp"
	said ours "^attached $DEVICE tcx\\+xdp"
	sees ours
	murder ours
	poll 3 unchanged_now || unchanged
	conclude "tcx and XDP, SIGKILL leaves nothing"
}

killed_clsact() {
	state >"$WORK/before"
	run ours watch clsact "$TARGET" "$DEVICE"
	run living watch clsact "$TARGET" "$DEVICE"
	murder ours
	[ "$(in_netns node tc filter show dev "$DEVICE" ingress | grep -c whydrop:)" = 2 ] ||
		problem "not two filters after SIGKILL"
	# any start of the hooks clears up, on any device; the living one stays
	run next watch clsact "$TARGET" lo
	[ "$(in_netns node tc filter show dev "$DEVICE" ingress | grep -c whydrop:)" = 1 ] ||
		problem "not one filter after the next start"
	sees living
	finish living next
	unchanged
	conclude "clsact, SIGKILL: the next start clears up, of the dead alone"

	# the last one dead: the qdisc, which a whydrop made, goes too
	run ours watch clsact "$TARGET" "$DEVICE"
	murder ours
	has_clsact || problem "no qdisc was made"
	run next watch clsact "$TARGET" lo
	finish next
	unchanged
	conclude "clsact, SIGKILL: the qdisc goes too"

	# ... unless somebody else has moved in
	run ours watch clsact "$TARGET" "$DEVICE"
	run theirs foreign tc-out "$DEVICE" 0 $LENGTH 1 1
	murder ours
	run next watch clsact "$TARGET" lo
	finish next
	no_leftovers
	has_clsact || problem "the qdisc of others is gone"
	counts theirs
	finish theirs
	in_netns node tc qdisc del dev "$DEVICE" clsact
	# ... or made it
	in_netns node tc qdisc add dev "$DEVICE" clsact
	state >"$WORK/before"
	run ours watch clsact "$TARGET" "$DEVICE"
	murder ours
	run next watch clsact "$TARGET" lo
	finish next
	unchanged
	in_netns node tc qdisc del dev "$DEVICE" clsact
	conclude "clsact, SIGKILL: a qdisc of others stays"
}

trial
for way in $(ways); do
	two "$way"
	"killed_$way"
done
