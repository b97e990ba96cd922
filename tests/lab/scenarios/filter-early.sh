# shellcheck shell=bash disable=SC2034
# The client has a short timeout and gives up before the first retransmission: one
# dropped SYN is all that there will ever be to see.
variants() { echo v4 v6 | tr ' ' '\n'; }
use "$VARIANT"
TITLE="a DROP rule, and a client that gives up after 300 ms"
DST=$SERVER DPORT=80
CLIENT_ARGS=(--timeout 300) CLIENT_SAYS=TIMEOUT
CAUSE=filter-denied MIN_CONFIDENCE=likely
EXPECT='.drop.reason == "NETFILTER_DROP" and .drop.hook == "forward" and .drop.count == 1
	and .attempts == 1'
setup() {
	serve upstream "$SERVER" 80
	block iptables-nft forward drop tcp "$DST" 80
}
