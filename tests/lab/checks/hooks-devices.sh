#!/usr/bin/env bash
# Packet hooks on devices that come and go, and on such without a link-layer header.
#
# Pods live for seconds, and so do their devices: hooks must never stand in the way of that,
# nor speak of it.
# shellcheck disable=SC2034,SC2154
. "$LAB_SOURCE/check.sh"
. "$LAB_SOURCE/hooks/beside.sh"

test_all_answered() {
	[ "$(grep -cE '^(attached|refused) 80' "$WORK/ours")" = 15 ]
}

# vanish WAY: devices come and go, also in the middle of attaching
vanish() {
	local i
	ip -n node link add hk0 type veth peer name hk1
	run ours watch "$1" all hk0+xdp "$DEVICE"
	said ours "^attached hk0 $1"
	ip -n node link del hk0
	sleep 1.2 # a heartbeat
	ip -n node link add name hk0 index 7777 type veth peer name hk1
	tell ours "watching hk0"
	said ours "^watching hk0 0"
	tell ours "attach hk0"
	said ours "^attached hk0 $1"
	# the same number at once, between two heartbeats
	ip -n node link del hk0
	ip -n node link add name hk0 index 7777 type veth peer name hk1
	tell ours "attach hk0"
	poll 3 test "$(grep -c "^attached hk0" "$WORK/ours")" = 3
	ip -n node addr add 192.0.2.1/30 dev hk0
	ip -n node link set hk1 up
	ip -n node link set hk0 up
	ip -n node neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev hk0
	in_netns node timeout 0.3 "$PEER" connect 192.0.2.2 443 >/dev/null 2>&1
	said ours "^packet hk0 out .*> 192.0.2.2:443 flags 2"
	ip -n node link set hk0 down # older kernels rename nothing that is up
	ip -n node link set hk0 name hk2
	tell ours "detach hk2"
	said ours "^detached hk2"
	ip -n node link del hk2
	for ((i = 0; i < 15; i++)); do
		ip -n node link add name hk0 index $((8000 + i)) type veth peer name hk1
		tell ours "attach $((8000 + i))"
		ip -n node link del hk0
	done
	poll 10 test_all_answered || problem "not every attach was answered"
	tell ours "attach 9999"
	said ours "^refused 9999: -19"
	sees ours
	finish ours
	no_leftovers
	grep -vE '^(attached|detached|refused|watching|packet|seen|ready)' "$WORK/ours" >"$WORK/noise"
	[ ! -s "$WORK/noise" ] || problem "noise: $(head -c 300 "$WORK/noise")"
	conclude "$1, devices that go away"
}

# A device without link-layer header: the tun device in upstream, to which this connects.
bare() {
	local way=$1
	mkfifo "$WORK/bare.in" 2>/dev/null
	in_netns upstream "$HOOKS" watch "$way" "$SILENT" void0 <"$WORK/bare.in" >"$WORK/bare" 2>&1 &
	RUN_PID[bare]=$!
	local fd
	exec {fd}>"$WORK/bare.in"
	RUN_IN[bare]=$fd
	said bare "^attached void0 $way"
	in_netns node timeout 1 "$PEER" connect "$SILENT" 443 >/dev/null 2>&1
	said bare "^packet void0 out .*> [[]?${SILENT}[]]?:443 flags 2"
	finish bare
	conclude "$way, a device without link-layer header, IPv$IP_VERSION"
}

for way in $(ways); do
	vanish "$way"
	for version in v6 v4; do
		use $version
		bare "$way"
	done
done
