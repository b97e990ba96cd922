# What a scenario demands of whydrop's output (slurped into one array): prints one
# complaint a line, nothing if all is well. One program, because jq takes longer to
# start than to judge. scenario.sh puts `def expected: …;` before it (EXPECT), and
# gives the rest as $want.

def words: split(" ") | map(select(. != ""));
def among($list): . as $word | $list | words | index($word) != null;
def rank: {"possible": 1, "likely": 2, "certain": 3}[. // ""] // 0;
def complain(what; $text): if (try what catch false) == true then empty else $text end;

def stream:
	complain(all(.[]; .v == 1); "a line without \"v\":1"),
	complain(first.type == "start" and last.type == "end"; "not from start to end"),
	complain(map(select(.type | . == "start" or . == "end")) | length == 2; "more than one start or end");

# Every interim finding has its final one; an id belongs to one attempt.
def findings:
	map(select(.type == "finding")) as $all
	| ($all | map(select(.final == true))) as $final
	| complain($final | length == ($want.findings | tonumber);
		"\($final | length) final findings, not \($want.findings)"),
	  complain($all | all(.[]; .final == true or .final == false); "a finding without final"),
	  complain(($final | map(.id)) as $ids | ($ids | unique | length) == ($ids | length)
		and all($all[].id; . as $id | $ids | index([$id]) != null);
		"an interim finding without its final one, or an id used twice"),
	  ($all[] | complain(.cause | among($want.never) | not; "must never say \(.cause)"));

def who:
	complain(.proto == $want.proto; "protocol"),
	complain(.target.ip == $want.ip and .target.port == ($want.port | tonumber); "target"),
	complain(.client.process.comm == "peer" and .client.process.pid > 1; "client process"),
	(if $want.from == "upstream" then empty
	 elif $want.from == "node" then
		complain(.client.host == true and .client.pod == null; "client.host")
	 else
		# A call that failed at once never got a source address.
		complain(.client.ip == $want.client_ip or (.outcome == "failed" and .client.ip == null);
			"client address"),
		complain(.client.host != true and .client.pod.namespace == $want.namespace
			and .client.pod.name == $want.pod; "client pod")
	 end);

def what:
	complain(.cause | among($want.cause); "cause is \(.cause), not \($want.cause)"),
	(if $want.outcome == "" then empty else
		complain(.outcome | among($want.outcome); "outcome is \(.outcome), not \($want.outcome)")
	 end),
	complain((.confidence | rank) >= ($want.min | rank) and (.confidence | rank) <= ($want.max | rank);
		"confidence is \(.confidence), not \($want.min)..\($want.max)"),
	complain((.summary | length > 0) and (.next | length > 0) and (.evidence | length > 0);
		"no summary, next step or evidence"),
	# a probe that meets an interrupt on its CPU misses an event now and then, and says so
	complain(.completeness.lost_events <= 8; "lost events"),
	complain(expected; "not: \($want.expect | gsub("\\s+"; " "))");

stream, findings,
(if $want.findings == "0" then empty
 else .[] | select(.type == "finding" and .final == true) | who, what end)
