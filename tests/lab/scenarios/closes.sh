# shellcheck shell=bash disable=SC2034
# 20 000 connections that end well, in the ways that tracers mistake for failures:
# each clean close frees a packet (QUEUE_PURGE); a close with unread data sends a
# RST; a close right after connect() races with the handshake. DESIGN.md, row 14.
variants() { echo v4 v6 | tr ' ' '\n'; }
use "$VARIANT"
TITLE="20 000 connections closed cleanly, half-closed, with unread data, early"
DST=$SERVER DPORT=80 FINDINGS=0 MIN_SECONDS=5
CLIENT=loop CLIENT_ARGS=(81 82 83 --count 20000)
[ "$IP_VERSION" = 4 ] || CLIENT_ARGS=(81 82 83 --count 4000)
TARGETS=("$DST")
setup() {
	serve upstream "$SERVER" 80 81 82 83 --mode mix
}
