# shellcheck shell=bash disable=SC2034
# A rule appears in the middle of a connection and drops its data. It is a stall,
# and the drop event says whose: the answer must be the rule.
variants() { echo v4 v6 | tr ' ' '\n'; }
use "$VARIANT"
TITLE="a DROP rule comes in the middle of a connection"
DST=$SERVER DPORT=80 MIN_SECONDS=4
CLIENT_ARGS=(--send 1000 --expect 2 --io-timeout 2500
	--mark "${WORK:-}/connected" --await "${WORK:-}/broken")
CLIENT_SAYS=NO-ANSWER
CAUSE=filter-denied OUTCOME=stalled MIN_CONFIDENCE=likely
EXPECT='.drop.hook == "forward" and .drop.reason == "NETFILTER_DROP"'
setup() {
	serve upstream "$SERVER" 80 --mode answer --read 1000
	nft_chain forward filter
	between nft_rule forward tcp dport 80 counter drop
}
