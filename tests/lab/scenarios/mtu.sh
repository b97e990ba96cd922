# shellcheck shell=bash disable=SC2034
# Small packets pass, so the handshake does; full-size segments never arrive, and
# the message that would tell the client (fragmentation needed, packet too big) is
# lost: `silenced`, the node makes it and a rule eats it; `mismatch`, the two ends
# of a link disagree about its MTU, so nobody makes one.
variants() { echo silenced-v4 silenced-v6 mismatch-v4 | tr ' ' '\n'; }
use "$VARIANT"
TITLE="a small MTU on the way, and the ICMP message about it is lost (${VARIANT%-v*})"
DST=$SERVER DPORT=80 MIN_SECONDS=4
CLIENT_ARGS=(--send 20000 --expect 2 --io-timeout 3000) CLIENT_SAYS=NO-ANSWER
CAUSE=mtu-exceeded OUTCOME=stalled MIN_CONFIDENCE=likely
[ "$VARIANT" != silenced-v4 ] || DEMO=10
[ "$VARIANT" != mismatch-v4 ] || MIN_CONFIDENCE=possible
setup() {
	serve upstream "$SERVER" 80 --mode answer --read 20000
	case $VARIANT in
	silenced-v4)
		link_set node eth0 mtu 1300 1500
		rule iptables-nft filter OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP
		;;
	silenced-v6)
		link_set node eth0 mtu 1300 1500
		rule iptables-nft filter OUTPUT -p icmpv6 --icmpv6-type packet-too-big -j DROP
		;;
	mismatch-*)
		# veth carries a GSO packet of any size; one segment at a time shows the MTU.
		link_set cart eth0 gso_max_segs 1 65535
		link_set upstream eth0 mtu 1300 1500
		# The server still promises to take full segments, as a remote one would.
		ip -n upstream route replace "$POD_CIDR4" via "$NODE4" advmss 1460
		undo ip -n upstream route replace "$POD_CIDR4" via "$NODE4"
		;;
	esac
}
