# shellcheck shell=bash disable=SC2034
# A firewall rule on the node: each tool, hook, verdict and IP version. The reject
# answers differ in what the client sees, and the finding must say what it saw.
variants() {
	local tool hook verdict version
	for tool in iptables-legacy iptables-nft nft; do
		for hook in input forward output; do
			for verdict in drop reject; do
				for version in v4 v6; do
					echo "$tool-$hook-$verdict-$version"
				done
			done
		done
		echo "$tool-forward-tcp_reset-v4"
		echo "$tool-forward-tcp_reset-v6"
	done
	echo iptables-legacy-forward-icmp_host_unreachable-v4
	echo iptables-nft-forward-icmp_net_unreachable-v4
	echo iptables-nft-forward-icmp_admin_prohibited-v4
	echo iptables-legacy-forward-icmp6_addr_unreachable-v6
	echo nft-forward-host_unreachable-v4
	echo nft-forward-host_unreachable-v6
}
use "$VARIANT"
REST=${VARIANT%-*}
VERDICT=${REST##*-} VERDICT=${VERDICT//_/-} REST=${REST%-*}
HOOK=${REST##*-} TOOL=${REST%-*}
TITLE="a $TOOL rule at $HOOK: ${VERDICT^^}"
DST=$SERVER DPORT=80
CLIENT_ARGS=(--timeout 1300)
case $HOOK in
input) DST=$NODE ;;
output) FROM=node ;;
esac
CAUSE=filter-denied MIN_CONFIDENCE=likely
EXPECT='.drop.reason == "NETFILTER_DROP" and .drop.hook == "'$HOOK'" and .drop.count >= 1
	and (.drop.function | length > 0)'
case $VERDICT in
drop) CLIENT_SAYS=TIMEOUT OUTCOME=unanswered MIN_SECONDS=1
	EXPECT+=' and .drop.count >= 2 and .attempts >= 2 and .elapsed_ms >= 1000' ;;
reject | tcp-reset) CLIENT_SAYS=ECONNREFUSED OUTCOME=refused ;;
*net-unreachable) CLIENT_SAYS=ENETUNREACH OUTCOME=unreachable ;;
*) CLIENT_SAYS=EHOSTUNREACH OUTCOME=unreachable ;;
esac
case $VARIANT in
iptables-legacy-forward-drop-v4) DEMO=3 ;;
nft-output-reject-v4) DEMO=4 ;;
esac
setup() {
	serve "$([ "$HOOK" = input ] && echo node || echo upstream)" "$DST" 80
	block "$TOOL" "$HOOK" "$VERDICT" tcp "$DST" 80
}
