# What whydrop must say of each case of checks/cluster-names.sh (slurped findings as input).
# Arguments: $cases, $pods (slurped pods.json), $comm, $files ("yes": names come from the node's files
# and rules alone). A backend may be missing if it is forgotten. Prints one complaint a line.

def pod_at($ip): first($pods[0].items[] | select(.status.podIP == $ip)) // null;
def ref($ip): pod_at($ip) | if . == null then null else {namespace: .metadata.namespace, name: .metadata.name} end;
def node_of($ip): pod_at($ip).spec.nodeName;
def this_node: "aks-nodepool1-12345678-vmss000000";

# The names that this source can know of the pod at an address.
def named($ip): if $files == "yes" and node_of($ip) != this_node then null else ref($ip) end;
def placed($ip): if $files == "yes" then null else node_of($ip) end;

def complain(what; $text): if what then empty else $text end;

def judge($case):
	complain(.client.pod == named($case.client); "client pod is \(.client.pod)"),
	complain((.client.host == true) == (pod_at($case.client) == null); "client.host is \(.client.host)"),
	complain(.client.node == placed($case.client); "client node is \(.client.node)"),
	complain(.target.service == $case.service; "service is \(.target.service)"),
	complain((.target.api_server == true) == $case.api; "api_server is \(.target.api_server)"),
	(if $case.backends == [] or ($case.forgotten and .backend == null) then
		complain(.backend == null; "backend is \(.backend)")
	 else
		complain("\(.backend.ip):\(.backend.port)" as $b | $case.backends | index([$b]) != null;
			"backend is \(.backend)"),
		complain(.backend.pod == named(.backend.ip); "backend pod is \(.backend.pod)"),
		complain(.backend.node == placed(.backend.ip); "backend node is \(.backend.node)")
	 end),
	complain(.completeness.state_source.services == (if $files == "yes" then "node" else "api" end);
		"state_source is \(.completeness.state_source)");

map(select(.type == "finding" and .final)) as $all
| ($all | map(select(.client.process.comm == $comm))) as $ours
| ($cases[] | . as $case
	| ($ours | map(select(.client.ip == $case.client and .proto == $case.proto
		and .target.ip == $case.ip and .target.port == $case.port))) as $its
	| (if $its == [] then "no finding" else ($its[] | judge($case)) end)
	| "\($case.name): \(.)")
  # what the backend saw of a masqueraded client is told once more, as a refusal by its address
, ($all[] | select(.client.ip == "10.224.0.4" and .client.process == null
	and .drop.reason == "NO_SOCKET" and (.target.ip | test("^10\\.244\\.[01]\\.")))
	| complain(.cause == "backend-not-listening"; "masqueraded, as its backend saw it: \(.cause)"))
