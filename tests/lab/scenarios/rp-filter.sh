# shellcheck shell=bash disable=SC2034
# Strict reverse-path filtering and an asymmetric route: the packet arrives on a
# device by which the node would not answer. IPv6 has no such sysctl. The neighbours
# must know each other before: ARP requests fall to the same filter, without a trace.
variants() { echo answer request | tr ' ' '\n'; }
TITLE="rp_filter: the $VARIANT arrives on another device than the route says"
DST=$SERVER DPORT=80 MIN_SECONDS=1
CLIENT_ARGS=(--timeout 1300) CLIENT_SAYS=TIMEOUT
CAUSE=reverse-path-filter OUTCOME=unanswered MIN_CONFIDENCE=likely
EXPECT='.drop.reason == "IP_RPFILTER"'
case $VARIANT in
answer) FROM=node DEMO=9 EXPECT+=' and .drop.device == "eth1"' ;;
request) EXPECT+=' and .drop.device == "cni0"' ;;
esac
setup() {
	serve upstream "$SERVER" 80
	case $VARIANT in
	answer)
		warm upstream "$NODE_ALT"
		# upstream answers by its second link
		route upstream add "$NODE" via "$NODE_ALT"
		sysctl_set node net.ipv4.conf.eth1.rp_filter 1
		;;
	request)
		warm cart "$NODE"
		route node add "${POD_IP[cart]}" via "$ROUTER_ALT"
		sysctl_set node net.ipv4.conf.cni0.rp_filter 1
		;;
	esac
}
