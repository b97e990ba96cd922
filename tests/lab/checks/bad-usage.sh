#!/usr/bin/env bash
# A wrong command line: status 2, and the message names the wrong word.
#
# The word may come from a script or a clipboard, so it may hold anything: it is
# shown, but no control byte of it reaches the terminal.
. "$LAB_SOURCE/check.sh"

# wrong WORD ARGUMENTS…
wrong() {
	local word=$1 problem='' status line
	shift
	traced "$@" >"$WORK/out" 2>"$WORK/err" </dev/null
	status=$?
	[ $status = 2 ] || problem+="status $status; "
	[ ! -s "$WORK/out" ] || problem+="wrote to stdout; "
	grep -qF -- "$word" "$WORK/err" || problem+="does not name $word; "
	problem+=$(no_control "$WORK/err")
	printf -v line '%q ' "$@"
	verdict "${line:0:70}" "${problem:+$problem$(head -c 200 "$WORK/err" | tr -d '\000-\037')}"
}

wrong usage
wrong frobnicate frobnicate
wrong --nonsense trace --nonsense
wrong xml trace all -o xml
wrong -o trace all -o
wrong soon trace all --duration soon
wrong -5s trace all --duration -5s
wrong 99999999999999999999s trace all --duration 99999999999999999999s
wrong maybe trace all --packets=maybe
wrong 300.1.1.1 trace 300.1.1.1
wrong 10.0.0.0/33 trace 10.0.0.0/33
wrong 10.0.0.0/ trace 10.0.0.0/
wrong 10.0.0.1:99999 trace 10.0.0.1:99999
wrong 10.0.0.1:0x50 trace 10.0.0.1:0x50
wrong 10.0.0.1: trace 10.0.0.1:
wrong fd00::/129 trace fd00::/129
wrong '[fd00::1' trace '[fd00::1'
wrong '[fd00::1]443' trace '[fd00::1]443'
wrong '[10.0.0.1]:443' trace '[10.0.0.1]:443'
wrong nowhere trace nowhere
wrong good trace $'good\e[31m\a\r\nbad'
wrong good trace $'--good\e]0;title\a'
wrong "$(printf 'x%.0s' {1..50})" trace "$(printf 'x%.0s' {1..5000})"
