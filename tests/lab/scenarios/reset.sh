# shellcheck shell=bash disable=SC2034
# An established connection is reset by the server: after an answer, or because it
# closed with the request unread.
variants() { echo answered-v4 answered-v6 unread-v4 pod-v4 masquerade-v4 | tr ' ' '\n'; }
use "$VARIANT"
TITLE="the server resets the connection mid-stream"
DST=$SERVER DPORT=80
CLIENT_ARGS=(--send 100 --expect 1000) CLIENT_SAYS=ECONNRESET
CAUSE=connection-reset OUTCOME=reset MIN_CONFIDENCE=likely
SERVE_IN=upstream SERVE_ARGS=(--mode reset --read 100 --answer 10)
case $VARIANT in
answered-v4) DEMO=11 ;;
unread-*) SERVE_ARGS=(--mode unread) ;;
pod-*) SERVE_IN=api DST=${POD_IP[api]} ;;
esac
setup() {
	serve "$SERVE_IN" "$DST" 80 "${SERVE_ARGS[@]}"
	[[ $VARIANT != masquerade-* ]] || masquerade
}
