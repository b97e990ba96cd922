#!/usr/bin/env bash
# Packet hooks beside the programs of others: all see every packet, and none is disturbed.
#
# A node belongs to its CNI: Cilium and others live in the same places, and a tracer that
# shadows, replaces or cleans up one of their programs cuts the node off. So each place is
# shared here with "somebody else", in every order, and looked at with the tools that its
# owner would use.
. "$LAB_SOURCE/check.sh"
. "$LAB_SOURCE/hooks/beside.sh"

# alone WAY: attaches, sees, leaves nothing
alone() {
	state >"$WORK/before"
	run ours watch "$1" "$TARGET" "$DEVICE"
	said ours "^attached $DEVICE $1"
	sees ours
	finish ours
	unchanged
	conclude "$1, nobody else"
}

# beside_filters WAY: filters of somebody else at priority 1, before and after ours
beside_filters() {
	run first foreign tc-in "$DEVICE" 0 $LENGTH 1 1
	run second foreign tc-out "$DEVICE" 0 $LENGTH 1 1
	state >"$WORK/before"
	foreign_state >"$WORK/foreign.before"
	run ours watch "$1" "$TARGET" "$DEVICE"
	said ours "^attached $DEVICE $1"
	foreign_state >"$WORK/foreign.after"
	cmp -s "$WORK/foreign.before" "$WORK/foreign.after" ||
		problem "their filters look different: $(diff "$WORK/foreign.before" "$WORK/foreign.after")"
	sees ours
	counts first second
	finish ours
	unchanged
	counts first second
	conclude "$1, filters of others were there before"

	# -1 goes on to the next filter, 0 ends the way through the filters
	run ours watch "$1" "$TARGET" "$DEVICE"
	run third foreign tc-in "$DEVICE" -1 $LENGTH 1 2
	run fourth foreign tc-out "$DEVICE" -1 $LENGTH 1 2
	sees ours
	counts first second third fourth
	finish third fourth
	sees ours
	counts first second
	finish ours
	unchanged
	finish first second
	conclude "$1, filters of others came after"
}

# A filter that drops is not shadowed, and does not hide from us what it drops.
beside_a_dropper() {
	run drops foreign tc-in "$DEVICE" 2 $LENGTH 1 1
	state >"$WORK/before"
	run ours watch "$1" "$NODE_ALT4" "$DEVICE"
	counts drops
	# 2 is TC_ACT_SHOT: the RST of this length never arrives; a SYN passes
	sees ours
	finish ours
	unchanged
	finish drops
	in_netns node tc qdisc del dev "$DEVICE" clsact 2>/dev/null
	conclude "$1, a filter that drops"
}

beside_other_kinds() {
	in_netns node tc qdisc add dev "$DEVICE" clsact
	if ! in_netns node tc filter add dev "$DEVICE" ingress prio 1 protocol ip u32 match u32 0 0 \
		flowid 1:1 2>"$WORK/u32"; then
		in_netns node tc qdisc del dev "$DEVICE" clsact
		echo "skip $CHECK: $1, u32: $(head -n 1 "$WORK/u32")"
		return
	fi
	in_netns node tc filter add dev "$DEVICE" egress prio 9 protocol ip u32 match u32 0 0 flowid 1:1
	state >"$WORK/before"
	run ours watch "$1" "$TARGET" "$DEVICE"
	said ours "^attached $DEVICE $1"
	connection
	said ours "^packet $DEVICE out .*> $TARGET:$PORT flags 2"
	finish ours
	unchanged
	in_netns node tc qdisc del dev "$DEVICE" clsact
	conclude "$1, u32 filters of others"
}

# The ingress qdisc has no way out: its owner keeps it.
beside_ingress() {
	in_netns node tc qdisc add dev "$DEVICE" ingress
	state >"$WORK/before"
	run ours watch clsact "$TARGET" "$DEVICE"
	said ours "^refused $DEVICE: -16 .*kind ingress"
	finish ours
	unchanged
	in_netns node tc qdisc del dev "$DEVICE" ingress
	conclude "clsact, an ingress qdisc of others"
}

beside_tcx() {
	run first foreign tcx-in "$DEVICE" 0 $LENGTH
	run second foreign tcx-out "$DEVICE" -1 $LENGTH
	state >"$WORK/before"
	run ours watch tcx "$TARGET" "$DEVICE"
	said ours "^attached $DEVICE tcx"
	run third foreign tcx-out "$DEVICE" 0 $LENGTH
	sees ours
	counts first second third
	finish third ours
	unchanged
	counts first second
	finish first second
	conclude "tcx, links of others"
}

# 1 is XDP_DROP, 2 XDP_PASS
beside_xdp() {
	run theirs foreign xdp "$DEVICE" 2 $LENGTH
	state >"$WORK/before"
	run ours watch auto "$TARGET" "$DEVICE+xdp"
	said ours "^attached $DEVICE (tcx|clsact) .*somebody else"
	sees ours
	counts theirs
	finish ours
	unchanged
	counts theirs
	finish theirs
	conclude "XDP, a program of others: refused, and the rest works"

	state >"$WORK/before"
	run ours watch auto "$TARGET" "$DEVICE+xdp"
	said ours "^attached $DEVICE (tcx|clsact)\+xdp"
	sees ours
	said ours "^packet $DEVICE xdp $TARGET:$PORT > .* flags 20"
	run theirs foreign tc-in "$DEVICE" 0 $LENGTH 1 1
	counts theirs
	finish theirs
	in_netns node tc qdisc del dev "$DEVICE" clsact 2>/dev/null
	finish ours
	unchanged
	conclude "XDP, nobody else"
}

for way in $(ways); do
	alone "$way"
	beside_filters "$way"
	beside_a_dropper "$way"
	beside_other_kinds "$way"
	[ "$way" != tcx ] || beside_tcx
done
beside_ingress
beside_xdp
