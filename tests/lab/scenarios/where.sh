# shellcheck shell=bash disable=SC2034
# Where did the packet go? Faults that free no packet, so that only the packet hooks can
# tell how far it came. With --packets (on) from the first SYN; in automatic mode hooks come
# with the first retransmission, so the client must be patient: up to 6.4 its SYNs go out
# after 0, 1 and 3 s.
variants() {
	local place mode
	for place in pod-void beyond beyond-masquerade beyond-from-node service-silent backend-silent \
		answer-lost rp-filter other-way nat-unknown inside strangers; do
		for mode in on auto; do
			echo "$place-$mode-v4"
			echo "$place-$mode-v6"
		done
	done
	echo removed-on-v4
	echo removed-on-v6
}
use "$VARIANT"
PLACE=${VARIANT%-*-v*}
DST=$SILENT DPORT=443 OUTCOME=unanswered CLIENT_SAYS=TIMEOUT
TITLE="where did the packet go: $PLACE"
case $VARIANT in
*-on-*) OPTIONS=(--packets) CLIENT_ARGS=(--timeout 1500) MIN_SECONDS=2 ;;
*) CLIENT_ARGS=(--timeout 5200) MIN_SECONDS=6 ;;
esac
case $VARIANT in
beyond-masquerade-on-v4) DEMO=13 TITLE="the SYN leaves the node, and nothing comes back (--packets)" ;;
backend-silent-auto-v4) DEMO=14 TITLE="the SYN reaches the pod's device, and nothing comes back" ;;
esac
NEVER="filter-denied backend-not-listening no-route kernel-drop"

# sent DIRECTION ROLE WHAT TEST: what the devices of that role saw in that direction
seen='def seen($role; $direction; $what): [.path[] | select(.role == $role and
	.direction == $direction and .xdp != true)[$what]] | add // 0;'

# own DEVICE: a network of its own for nothing; needs no privileges of the lab
swallow() {
	background "$1" void "$2"
	ip -n "${POD_NETNS[$1]:-$1}" link set "$2" up
}

# redirect NETNS DEVICE FROM: what comes in by FROM goes to DEVICE, local or not
redirect() {
	local netns=${POD_NETNS[$1]:-$1}
	ip -n "$netns" "-$IP_VERSION" rule add pref 10 lookup local
	undo ip -n "$netns" "-$IP_VERSION" rule del pref 10
	ip -n "$netns" "-$IP_VERSION" rule del pref 0
	undo ip -n "$netns" "-$IP_VERSION" rule add pref 0 lookup local
	ip -n "$netns" "-$IP_VERSION" rule add pref 5 iif "$3" lookup 100
	undo ip -n "$netns" "-$IP_VERSION" rule del pref 5
	ip -n "$netns" "-$IP_VERSION" route add default dev "$2" table 100
}

case $PLACE in
pod-void)
	CAUSE=unknown MAX_CONFIDENCE=possible
	EXPECT='seen("client"; "in"; "syn") == 0 and (.where | test("before its device")) and
		(.summary | test("never leave pod shop/cart-0"))'
	;;
beyond*)
	CAUSE=upstream-silent MIN_CONFIDENCE=likely
	EXPECT='seen("uplink"; "out"; "syn") >= 1 and seen("uplink"; "in"; "syn_ack") == 0 and
		(.where | test("left this node by eth0 at [0-9:.]+ "))'
	case $VARIANT in
	*-on-*) EXPECT+=' and .confidence == "certain" and seen("uplink"; "out"; "syn") >= 2' ;;
	esac
	case $PLACE in
	*-from-node) FROM=node ;;
	*) EXPECT+=' and seen("client"; "in"; "syn") >= 1' ;;
	esac
	[ "$PLACE" != beyond-masquerade ] ||
		EXPECT+=" and any(.next[]; test(\"see is ${NODE//./\\\\.}\")) and (.where | test(\"SYN as\"))"
	;;
backend-silent)
	CAUSE=backend-silent DST=${POD_IP[api]} DPORT=8443 MIN_CONFIDENCE=likely
	EXPECT='seen("backend"; "out"; "syn") >= 1 and seen("backend"; "in"; "syn_ack") == 0 and
		seen("client"; "in"; "syn") >= 1 and (.where | test("reached pod payments/api"))'
	[[ $VARIANT != *-on-* ]] || EXPECT+=' and .confidence == "certain"'
	;;
service-silent)
	CAUSE=backend-silent DST=$CLUSTER DPORT=443 MIN_CONFIDENCE=likely
	EXPECT='seen("backend"; "out"; "syn") >= 1 and seen("client"; "in"; "syn") >= 1 and
		.backend.pod.name == "'${POD_NAME[api]}'"'
	# whom the Service chose is known when the SYN is repeated: from then on its packets show
	[[ $VARIANT != *-on-* ]] || CLIENT_ARGS=(--timeout 5200) MIN_SECONDS=6
	;;
answer-lost)
	CAUSE=unknown MAX_CONFIDENCE=possible
	EXPECT='seen("uplink"; "in"; "syn_ack") >= 1 and seen("client"; "out"; "syn_ack") == 0 and
		(.where | test("this node, between eth0 and veth"))'
	;;
nat-unknown)
	# The SYN waits for a neighbour that is not there. Where the bridge calls iptables it has
	# not passed POSTROUTING then, and connection tracking does not list it: that no device saw
	# it means nothing. Elsewhere the backend is known.
	CAUSE="unknown backend-unreachable" MAX_CONFIDENCE=possible DST=$CLUSTER DPORT=443
	EXPECT='(.summary | test("lost inside") | not)'
	if [[ $VARIANT == *-on-* ]]; then
		EXPECT+=' and seen("client"; "in"; "syn") >= 1'
	else
		# After 3 s the node gives the neighbour up, and says so; up to 6.4 nothing is sent
		# between the first second and then.
		CAUSE+=" upstream-silent" CLIENT_ARGS=(--timeout 2600) MIN_SECONDS=3
	fi
	;;
inside)
	# The same, but into a bridge that is no way out of the node, and that nobody watches.
	CAUSE=unknown MAX_CONFIDENCE=possible
	EXPECT='seen("client"; "in"; "syn") >= 1 and seen("uplink"; "out"; "syn") == 0 and
		(.where | test("this node, between veth[^ ]+ and eth0"))'
	;;
rp-filter)
	# The answer comes by another device, and is dropped there: the drop is the cause, and the
	# path shows that there was an answer.
	[ "$IP_VERSION" = 4 ] || skip() { echo "IPv6 has no rp_filter"; }
	CAUSE=reverse-path-filter MIN_CONFIDENCE=likely FROM=node
	EXPECT='.drop.device == "eth1" and seen("uplink"; "out"; "syn") >= 1 and
		seen("other"; "in"; "syn_ack") >= 1 and any(.path[]; .device == "eth1")'
	;;
removed)
	# Somebody takes our filters away, as a network plugin does that makes its qdisc anew. What
	# they no longer see means nothing. (They may have seen two SYNs before.)
	CAUSE="upstream-silent unknown" CLIENT_ARGS=(--timeout 2600) MIN_SECONDS=4
	EXPECT='(.summary | test("never leave|lost inside") | not)'
	skip() {
		! grep -q " tcx_" /proc/kallsyms || echo "tcx: its links cannot be taken away"
	}
	;;
strangers)
	# A filter of somebody else in front of ours. One that goes on leaves us the packet, and an
	# answer that is not sure; one that says pass keeps it from us where we have a filter, too
	# (tcx comes first): nothing seen means nothing then.
	CAUSE=upstream-silent MIN_CONFIDENCE=likely MAX_CONFIDENCE=likely ACTION=continue
	[[ $VARIANT == *-on-* ]] || MIN_CONFIDENCE=possible ACTION=pass
	EXPECT='any(.evidence[]; .kind == "missing" and (.text | test("others are at tc of eth0")))'
	skip() {
		in_netns node tc qdisc add dev eth0 clsact 2>/dev/null &&
			in_netns node tc filter add dev eth0 egress pref 1 matchall action pass 2>/dev/null ||
			echo "no tc filters here"
		in_netns node tc qdisc del dev eth0 clsact 2>/dev/null || true
	}
	;;
other-way)
	# A mark that the node's own rules set: what route lookups say is not what happens.
	CAUSE=upstream-silent MIN_CONFIDENCE=likely
	EXPECT='(.where | test("behind void9, a tunnel")) and
		any(.evidence[]; .text | test("leads out by eth0, but it left by void9"))'
	;;
esac
EXPECT="$seen $EXPECT"

setup() {
	case $PLACE in
	pod-void)
		swallow cart void9
		route cart add "$DST" dev void9
		;;
	beyond-masquerade) masquerade ;;
	backend-silent | service-silent)
		[ "$PLACE" != service-silent ] || cluster_ip 443 "${POD_IP[api]}" 8443
		serve api "${POD_IP[api]}" 8443
		swallow api void9
		forwards api
		# it no longer answers for its address
		neighbour_fixed api
		redirect api void9 eth0
		;;
	rp-filter)
		warm upstream "$NODE_ALT"
		stranger syn-ack
		route upstream add "$NODE" via "$NODE_ALT"
		sysctl_set node net.ipv4.conf.eth1.rp_filter 1
		;;
	strangers)
		in_netns node tc qdisc add dev eth0 clsact
		undo in_netns node tc qdisc del dev eth0 clsact
		in_netns node tc filter add dev eth0 egress pref 1 matchall action "$ACTION"
		;;
	removed) hooks_vanish ;;
	nat-unknown) cluster_ip 443 "$DEAD_POD" 8443 ;;
	answer-lost)
		stranger syn-ack
		swallow node void9
		redirect node void9 eth0
		;;
	other-way | inside)
		GATEWAY=()
		if [ "$PLACE" = inside ]; then
			sink
		else
			swallow node void9
		fi
		rule iptables-legacy mangle PREROUTING -d "$DST" -p tcp --dport 443 -j MARK --set-mark 9
		ip -n node "-$IP_VERSION" rule add pref 5 fwmark 9 lookup 100
		undo ip -n node "-$IP_VERSION" rule del pref 5
		ip -n node "-$IP_VERSION" route add default "${GATEWAY[@]}" dev void9 table 100
		;;
	esac
}

# neighbour_fixed POD: the node knows where it is
neighbour_fixed() {
	local mac
	mac=$(ip -n "${POD_NETNS[$1]}" -o link show dev eth0 | sed 's/.*link.ether \([0-9a-f:]*\) .*/\1/')
	ip -n node neigh replace "${POD_IP[$1]}" lladdr "$mac" dev cni0 nud permanent
	undo ip -n node neigh del "${POD_IP[$1]}" dev cni0
	ip -n "${POD_NETNS[cart]}" neigh replace "${POD_IP[$1]}" lladdr "$mac" dev eth0 nud permanent
	undo ip -n "${POD_NETNS[cart]}" neigh del "${POD_IP[$1]}" dev eth0
}

# hooks_vanish: as soon as there are filters, they go, with their qdiscs
hooks_vanish() {
	(
		for ((i = 0; i < 600; i++)); do
			! in_netns node tc filter show dev eth0 egress | grep -q whydrop || break
			sleep 0.1
		done
		for device in $(ip -n node -o link show | cut -d: -f2 | cut -d@ -f1); do
			in_netns node tc qdisc del dev "$device" clsact || true
		done
	) >/dev/null 2>&1 &
	VANISH=$!
	undo eval 'kill $VANISH 2>/dev/null || true'
}

# sink: void9 is a bridge behind which everything is thrown away; sets GATEWAY
sink() {
	local via=10.99.99.99
	[ "$IP_VERSION" = 4 ] || via=fd99::99
	swallow node tap9
	ip -n node link add void9 type bridge
	undo ip -n node link del void9
	ip -n node link set tap9 master void9
	ip -n node link set void9 up
	ip -n node neigh add "$via" lladdr 02:00:00:00:99:99 dev void9 nud permanent
	GATEWAY=(via "$via" onlink)
	[ "$IP_VERSION" = 4 ] || ip -n node -6 addr add fd99::1/64 dev void9 nodad
}

# forwards POD: so that what is not for it goes on
forwards() {
	if [ "$IP_VERSION" = 4 ]; then
		sysctl_set "$1" net.ipv4.ip_forward 1
	else
		sysctl_set "$1" net.ipv6.conf.all.forwarding 1
	fi
}
