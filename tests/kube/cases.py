# SPDX-License-Identifier: Apache-2.0
"""What the API client must bear. Each case: a server that misbehaves, and a store that is right in
the end. Called by tests/kube/run."""
import base64, json, os, shutil, socket, subprocess, sys, tempfile, threading, time, traceback

import harness
from harness import Bad, Skip, World, check, eventually, kubeconfig, path, tls

CASES = []
RECONNECTS = int(os.environ.get("RECONNECTS", "2000"))


def case(fn):
    CASES.append(fn)
    return fn


# ---- lists and watches ---------------------------------------------------------------------------

@case
def streaming_list_and_watch():
    with World() as w:
        w.populate()
        d = w.start()
        w.converge()
        w.live()
        w.change()
        w.converge()
        check(any("sendInitialEvents" in r for r in w.server.requests), "no streaming list was tried")
        check(not any("limit=" in r for r in w.server.requests), "pages beside the streaming list")
        check(d.state("pods")["as_of"] == 1, "no time of confirmation")


@case
def pages_when_streaming_is_refused():
    with World() as w:
        w.populate()
        w.server.streaming = False
        for i in range(1234):
            w.pod(f"many-{i}", f"10.9.{i >> 8}.{i & 255}")
        w.start()
        w.converge()
        w.live()
        w.change()
        w.converge()
        pages = [r for r in w.server.requests if "/pods?" in r and "limit=500" in r]
        check(len(pages) == 3, f"{len(pages)} pages")
        check("resourceVersion=0" in pages[0] and "continue=" in pages[2] and
              "resourceVersion" not in pages[2], str(pages))


@case
def recorded_refusal_of_streaming():
    if not os.path.isdir(harness.FIXTURES):
        raise Skip("no fixtures")
    with World() as w:
        w.server.load(harness.FIXTURES)
        text = open(os.path.join(harness.FIXTURES, "endpointslices-watchlist.jsonl")).read()
        w.server.fault(match="sendInitialEvents", times=7, do="body", text=text)
        w.start()
        w.converge()
        w.live()
        frames = open(os.path.join(harness.FIXTURES, "pods-watch.jsonl")).read().splitlines()
        for l in frames:
            f = json.loads(l)
            o = f["object"]
            if f["type"] == "DELETED":
                w.server.delete("pods", o["metadata"]["namespace"], o["metadata"]["name"])
            elif f["type"] in ("ADDED", "MODIFIED"):
                w.server.put("pods", o)
        w.converge()


@case
def only_this_node():
    with World() as w:
        w.populate()
        d = w.start("--node", "node-a")
        w.converge(where=lambda p, o: p not in ("pods", "nodes", "nodenetworkconfigs") or
                   "node-a" in (o["metadata"]["name"], o["spec"].get("nodeName")))
        check(d.state("pods")["node_only"] and not d.state("services")["node_only"], "node_only")
        check(any("fieldSelector=spec.nodeName=node-a" in r for r in w.server.requests), "no selector")


@case
def list_once_without_watch():
    with World() as w:
        w.populate()
        w.server.fault(match="/nodes", do="interim")
        w.server.forbidden.add("networkpolicies")
        w.server.absent.add("nodenetworkconfigs")
        d = w.start("--no-watch")
        check(d.ask("settled") == "0\n", "settled before it began")
        eventually(lambda: d.ask("settled") == "1\n", "never settled")
        check(d.state("nodes")["complete"], "settled without the nodes")
        w.server.forbidden.clear()
        w.converge()
        eventually(lambda: d.state("nodes")["complete"], "nodes are not complete")
        check(not any("watch=" in r for r in w.server.requests), "a watch")


@case
def watch_ends_in_time_and_goes_on():
    with World() as w:
        w.populate()
        w.start()
        w.live()
        n = len(w.server.requests)
        eventually(lambda: sum("watch=1&resourceVersion=" in r for r in w.server.requests[n:]) >= 6,
                   "no new watches", 12)
        check(w.server.connections <= 8, f"{w.server.connections} connections: none is kept")
        w.change()
        w.converge()


def bearing(name, *faults, then=None, streaming=True, first=True, seconds=12, problem=None):
    """A case of faults that meet the first lists, or (first=False) the running watch."""
    def run():
        with World() as w:
            w.populate()
            w.server.streaming = streaming
            if first:
                for f in faults:
                    w.server.fault(**f)
            d = w.start()
            if not first:
                w.converge()
                w.live()
                for f in faults:
                    w.server.fault(**f)
                if not any(f.get("match", "").startswith("frame") for f in faults):
                    w.server.cut_all()
                w.change()
            if problem:
                eventually(lambda: problem in d.words(), lambda: f"no '{problem}' in: {d.words()}")
            if then:
                then(w)
            w.converge(seconds)
            w.live("pods", "services")
            check(w.server.pending() == 0, f"{w.server.pending()} faults were not met")
            w.change()
            w.converge(seconds)
    run.__name__ = name
    CASES.append(run)


P = r"^/api/v1/pods\?"
PW = P + ".*watch=1&resourceVersion"
PL = P + ".*limit=500"
bearing("list_500_503", {"match": P, "do": "status", "code": 500}, {"match": P, "do": "status", "code": 503},
        problem="(500)")
bearing("list_429_retry_after", {"match": P, "do": "status", "code": 429, "headers": ["Retry-After: 1"]},
        problem="too much to do (429)")
bearing("list_cut_after_200_bytes", {"match": P, "do": "cut", "after": 200}, {"match": P, "do": "cut", "after": 0},
        problem="cut its answer off")
bearing("pages_cut", {"match": PL, "do": "cut", "after": 300}, {"match": PL, "do": "cut", "after": 1},
        streaming=False, problem="cut its answer off")
bearing("list_malformed", {"match": PL, "do": "body", "text": '{"kind":"PodList","items":[{]}'}, streaming=False,
        problem="cannot be read")
bearing("list_of_something_else", {"match": PL, "do": "body", "text": '{"kind":"ServiceList","items":[]}'},
        streaming=False, problem="cannot be read")
bearing("stream_malformed", {"match": P, "do": "body", "text": '{"type":"ADDED","object":'},
        problem="pods: ")
bearing("stream_without_end", {"match": P, "do": "empty-watch"}, problem="ended before it was complete")
bearing("list_slow_drip", {"match": P, "do": "drip", "delay": 0.05}, problem="answers too slowly")
bearing("list_hangs", {"match": P, "do": "hang"}, problem="gave no answer in time")
bearing("list_body_hangs", {"match": P, "do": "hang-body"}, problem="fell silent")
bearing("half_head_hangs", {"match": P, "do": "raw", "text": "HTTP/1.1 200 OK\r\nContent-Ty", "stay": 3},
        problem="gave no answer in time")
bearing("not_http", {"match": P, "do": "raw", "text": "SSH-2.0-OpenSSH\r\n"}, problem="not HTTP")
bearing("head_too_long", {"match": P, "do": "raw", "text": "HTTP/1.1 200 OK\r\nA: " + "x" * 9000 + "\r\n"},
        problem="8 KiB")
bearing("interim_answers", {"match": P, "do": "interim"})
bearing("redirect_is_refused", {"match": P, "do": "status", "code": 302, "headers": ["Location: http://x/"]},
        problem="redirected")
bearing("closed_before_answer", {"match": P, "do": "close", "times": 2}, problem="without an answer")
bearing("closed_after_answer", {"match": P + "limit", "do": "last"}, streaming=False)
bearing("watch_410_on_connect", {"match": PW, "do": "status", "code": 410}, first=False)
bearing("watch_410_in_stream", {"match": PW, "do": "error-frame", "code": 410, "reason": "Expired"}, first=False)
bearing("watch_500_in_stream", {"match": PW, "do": "error-frame", "code": 500, "times": 2}, first=False,
        problem="broke the watch off")
bearing("watch_half_line_cut", {"match": "frame", "do": "half"}, first=False)
bearing("watch_half_line_clean_end", {"match": "frame", "do": "half", "clean": True}, first=False,
        problem="in the middle of an object")
bearing("watch_frame_in_single_bytes", {"match": "frame", "do": "pieces", "times": 2}, first=False)
bearing("watch_malformed_frame", {"match": "frame", "do": "raw", "text": '{"type":}\n'}, first=False)
bearing("watch_frame_of_wrong_types", {"match": "frame", "do": "raw", "text": '{"type":7,"object":[]}\n'}, first=False)
bearing("watch_frame_of_later_kind", {"match": "frame", "do": "raw", "text":
                                      '{"type":"SOMETHING","object":{"metadata":{"name":"x"}}}\n'}, first=False)
bearing("watch_status_storm", {"match": PW, "do": "status", "code": 500, "times": 3},
        {"match": PW, "do": "status", "code": 403}, {"match": PW, "do": "close", "times": 3}, first=False)
bearing("watch_ends_at_once_again_and_again", {"match": PW, "do": "empty-watch", "times": 4}, first=False)
bearing("watch_400_relists", {"match": PW, "do": "status", "code": 400}, first=False)


@case
def compacted_meanwhile():
    with World() as w:
        w.populate()
        w.start()
        w.live()
        w.server.cut_all()
        w.change()
        w.server.compact()
        w.server.cut_all()
        w.converge()
        w.live()


@case
def continue_token_expires():
    with World() as w:
        w.populate()
        w.server.streaming = False
        for i in range(1100):
            w.pod(f"many-{i}", f"10.9.{i >> 8}.{i & 255}")
        w.server.fault(match=P + ".*continue", do="status", code=410, reason="Expired",
                       metadata={"continue": "bmV4dA=="})
        w.start()
        w.converge()
        check(any("/pods?" in r and "limit" not in r and "watch" not in r for r in w.server.requests),
              "the list was not taken in one piece")


@case
def objects_that_vanish_while_cut_off():
    with World() as w:
        w.populate()
        w.server.streaming = False
        w.start()
        w.converge()
        w.server.fault(match=P, do="status", code=503, times=2)
        w.server.cut_all()
        for n in ("web-2", "web-3"):
            w.server.delete("pods", "a", n)
        w.server.compact()
        w.converge()


@case
def list_that_breaks_deletes_nothing():
    with World() as w:
        w.populate()
        d = w.start()
        w.converge()
        w.live()
        before = w.driver.ask("dump")
        w.server.fault(match=PW, do="status", code=410)
        w.server.fault(match=P + ".*sendInitial", do="cut", after=400, times=1000)
        w.server.fault(match=PL, do="cut", after=400, times=1000)
        w.server.cut_all()
        eventually(lambda: d.state("pods")["problem"], "no problem is told")
        time.sleep(0.5)
        st = d.state("pods")
        check(d.ask("dump") == before, "objects were lost")
        check(not st["live"] and st["complete"] and st["as_of"], f"state {st}")


@case
def forbidden_resource():
    with World() as w:
        w.populate()
        w.server.forbidden.add("networkpolicies")
        d = w.start()
        w.live("pods", "services", "nodes")
        eventually(lambda: "cannot list networkpolicies" in d.state("networkpolicies")["problem"],
                   lambda: str(d.state("networkpolicies")))
        check("forbidden" in d.state("networkpolicies")["problem"], "the server's words are missing")
        check(d.ask("health").startswith("1 "), "not reachable, for a 403")
        w.server.forbidden.clear()
        w.converge()


@case
def absent_resource():
    with World() as w:
        w.populate()
        w.server.absent.add("nodenetworkconfigs")
        d = w.start()
        eventually(lambda: d.state("nodenetworkconfigs")["absent"], "not absent")
        check(not d.state("nodenetworkconfigs")["problem"], "absence is no problem")
        w.server.absent.clear()
        w.converge()
        check(not d.state("nodenetworkconfigs")["absent"], "absent still")


@case
def no_api_at_that_address():
    with World() as w:
        w.server.fault(match="", do="status", code=404, times=1000, body="not here")
        d = w.start()
        eventually(lambda: "is the server of the configuration right?" in d.state("pods")["problem"],
                   lambda: d.ask("state"))
        check(not d.state("pods")["absent"], "pods are absent")


@case
def huge_object_is_skipped():
    with World() as w:
        w.populate()
        # in every answer: on a busy machine the first may be cut short by its deadline
        w.server.fault(match=P, do="inject", size=5 << 20, times=50)
        d = w.start()
        w.converge()
        eventually(lambda: d.state("pods")["skipped"] >= 1, lambda: str(d.state("pods")))


@case
def object_of_wrong_types_is_skipped():
    with World() as w:
        w.populate()
        w.server.streaming = False
        w.server.fault(match=PL, do="inject", text='{"metadata":{"name":"odd","namespace":"a","labels":[7]}}')
        d = w.start()
        w.converge()
        eventually(lambda: d.state("pods")["skipped"] == 1, lambda: str(d.state("pods")))


@case
def no_more_than_two_lists_at_once():
    with World() as w:
        w.populate()
        w.server.fault(match="limit=500|sendInitial", do="hang", seconds=0.5, times=4)
        w.start()
        time.sleep(0.35)
        check(len(w.server.requests) == 2, f"{len(w.server.requests)} lists at once")
        w.converge()


# ---- credentials ---------------------------------------------------------------------------------

@case
def rotated_token_file():
    with World() as w:
        w.populate()
        for n in ("one", "two"):
            open(path("token-" + n), "w").write(f"secret-{n}\n")
        if os.path.lexists(path("token")):
            os.unlink(path("token"))
        os.symlink("token-one", path("token"))
        w.server.tokens = {"secret-one"}
        d = w.start(user="tokenFile: token")
        w.converge()
        w.server.tokens = {"secret-two"}
        w.server.cut_all()
        eventually(lambda: "401" in d.state("pods")["problem"], "no 401 is told")
        os.symlink("token-two", path("token.new"))
        os.rename(path("token.new"), path("token"))
        w.change()
        w.converge()


PLUGIN = """#!/usr/bin/env python3
import json, os, sys
n = int(open(sys.argv[1]).read() or 0) + 1
open(sys.argv[1], "w").write(str(n))
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
assert info["spec"]["interactive"] is False and os.environ["MINE"] == "yes"
print(json.dumps({"kind": "ExecCredential", "apiVersion": info["apiVersion"],
                  "status": {"token": "plugin-%d" % n}}))
"""


def plugin(text=PLUGIN, version="v1"):
    with open(path("plugin"), "w") as f:
        f.write(text)
    os.chmod(path("plugin"), 0o755)
    open(path("count"), "w").write("0")
    return (f"exec: {{command: ./plugin, apiVersion: client.authentication.k8s.io/{version}, "
            f"args: ['{path('count')}'], env: [{{name: MINE, value: 'yes'}}], provideClusterInfo: true, "
            "interactiveMode: IfAvailable}")


@case
def exec_plugin_is_run_again_after_401():
    with World() as w:
        w.populate()
        w.server.tokens = {"plugin-1"}
        w.start(user=plugin())
        w.converge()
        check(open(path("count")).read() == "1", "run more than once")
        w.server.tokens = {"plugin-2"}
        w.server.cut_all()
        w.change()
        w.converge()
        w.live()
        check(open(path("count")).read() == "2", f"run {open(path('count')).read()} times")


@case
def exec_plugin_that_fails():
    with World() as w:
        w.populate()
        w.server.tokens = {"plugin-1"}
        d = w.start(user=plugin("#!/bin/sh\necho 'AADSTS7000: sign in first' >&2\nexit 3\n", "v1beta1"))
        eventually(lambda: "status 3: AADSTS7000: sign in first" in d.state("pods")["problem"],
                   lambda: d.ask("state"))
        plugin(PLUGIN, "v1beta1")
        w.converge()


@case
def exec_plugin_of_a_client_certificate():
    with World(tls("server", client_ca="ca.crt")) as w:
        w.populate()
        text = ("#!/usr/bin/env python3\nimport json\nprint(json.dumps({'kind':'ExecCredential','apiVersion':"
                "'client.authentication.k8s.io/v1','status':{'clientCertificateData':open('%s').read(),"
                "'clientKeyData':open('%s').read(),'expirationTimestamp':'2099-01-01T00:00:00Z'}}))\n"
                % (path("client.crt"), path("client.key")))
        w.start(user=plugin(text), cluster="    certificate-authority: ca.crt")
        w.converge()


@case
def wrong_token():
    with World() as w:
        w.server.tokens = {"right"}
        d = w.start(user="token: wrong")
        eventually(lambda: "does not accept whydrop's credentials (401)" in d.state("pods")["problem"],
                   lambda: d.ask("state"))


# ---- the way there -------------------------------------------------------------------------------

CA = "    certificate-authority: ca.crt"


@case
def tls_with_address_and_with_name():
    for host, more in (("127.0.0.1", ""), ("localhost", ""), ("127.0.0.1", "\n    tls-server-name: api.test")):
        with World(tls("server")) as w:
            w.populate()
            w.start(host=host, cluster=CA + more)
            w.converge()
            w.change()
            w.converge()


@case
def tls_files_are_read_again():
    with World(tls("server", client_ca="ca.crt")) as w:
        w.populate()
        shutil.copy(path("other.crt"), path("now.crt"))
        for n in ("crt", "key"):
            shutil.copy(path("stranger." + n), path("mine." + n))
        d = w.start(cluster="    certificate-authority: now.crt",
                    user="client-certificate: mine.crt, client-key: mine.key")
        eventually(lambda: "not trusted" in d.state("pods")["problem"], lambda: d.ask("state"))
        shutil.copy(path("ca.crt"), path("now.crt"))
        eventually(lambda: "not trusted" not in d.state("pods")["problem"] and d.state("pods")["problem"],
                   lambda: d.ask("state"))
        for n in ("crt", "key"):
            shutil.copy(path("client." + n), path("mine." + n))
        w.converge()


@case
def tls_inline_authority_and_client_certificate():
    with World(tls("server", client_ca="ca.crt")) as w:
        w.populate()
        b64 = lambda n: base64.b64encode(open(path(n), "rb").read()).decode()
        w.start(cluster="    certificate-authority-data: " + b64("ca.crt"),
                user=f"client-certificate-data: {b64('client.crt')}, client-key-data: {b64('client.key')}")
        w.converge()


@case
def tls_that_must_not_be_trusted():
    for name, cluster, words in (
            ("stranger", CA, "certificate is not trusted"),
            ("elsewhere", CA, "certificate is not for 127.0.0.1 (but for elsewhere.test"),
            ("server", CA + "\n    tls-server-name: other.test", "certificate is not for other.test")):
        with World(tls(name)) as w:
            w.populate()
            d = w.start(cluster=cluster)
            eventually(lambda: words in d.state("pods")["problem"], lambda: d.ask("state"))
            check(not w.server.requests, "a request was sent to whom must not be trusted")
            check(not d.ask("health").startswith("1"), "told as reachable")


@case
def tls_insecure_when_asked_for():
    with World(tls("stranger")) as w:
        w.populate()
        w.start(cluster="    insecure-skip-tls-verify: true")
        w.converge()


@case
def tls_too_old():
    import ssl, warnings
    warnings.simplefilter("ignore")
    with World(tls("server", minimum=ssl.TLSVersion.TLSv1_1)) as w:
        d = w.start(cluster=CA)
        eventually(lambda: "TLS failed" in d.state("pods")["problem"], lambda: d.ask("state"))


@case
def tls_faults_pass():
    with World(tls("server"), tls("stranger")) as w:
        w.populate()
        for do in ("close-early", "garbage", "hang-tls", "wrong-certificate", "close-early"):
            w.server.fault(do=do)
        w.start(cluster=CA)
        w.converge()
        w.live()


@case
def refused_then_there():
    with World() as w:
        w.populate()
        port = w.server.port
        w.server.stop()
        d = w.start()
        eventually(lambda: f"127.0.0.1:{port} refused the connection" in d.state("pods")["problem"],
                   lambda: d.ask("state"))
        health = d.ask("health")
        check(health.startswith(f"0 {port} ") and "never answered" in health, health)
        server = harness.apiserver.Server(port)
        server.items, server.version, server.log = w.server.items, w.server.version, w.server.log
        w.server = server
        w.converge()
        check("works; it last answered" in d.ask("health"), d.ask("health"))


@case
def silent_address_times_out():
    # a full accept queue on loopback answers no SYN
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(0)
    fill = [socket.socket() for _ in range(4)]
    for f in fill:
        f.setblocking(False)
        f.connect_ex(s.getsockname())
    d = harness.Driver("--fast", "--kubeconfig", kubeconfig("http://127.0.0.1:%d" % s.getsockname()[1]))
    try:
        eventually(lambda: "did not answer within 0.6 s (connect timed out)" in d.state("pods")["problem"],
                   lambda: d.ask("state"))
    finally:
        d.end()
        for f in [s, *fill]:
            f.close()


@case
def detour_by_the_kubelets_address():
    root = path("root3")
    os.makedirs(root + "/var/lib/kubelet", exist_ok=True)
    os.makedirs(path("account"), exist_ok=True)
    shutil.copy(path("ca.crt"), path("account/ca.crt"))
    open(path("account/token"), "w").write("mine")
    refused = socket.create_server(("127.0.0.1", 0))
    closed = refused.getsockname()[1]
    refused.close()
    with World(tls("server")) as w:
        w.populate()
        w.server.tokens = {"mine"}
        kubeconfig(f"https://localhost:{w.server.port}", "root3/var/lib/kubelet/kubeconfig",
                   user="token: the-kubelets")
        w.driver = d = harness.Driver("--fast", "--host-root", root, "--account", path("account"),
                                      env={"KUBERNETES_SERVICE_HOST": "127.0.0.1",
                                           "KUBERNETES_SERVICE_PORT": str(closed)})
        os.makedirs(root + "/etc", exist_ok=True)
        open(root + "/etc/hosts", "w").write("127.0.0.1 localhost\n")
        w.converge()
        health = d.ask("health")
        check(f"only at the kubelet's address, https://localhost:{w.server.port}" in health and
              f"127.0.0.1:{closed} refused" in health, health)
        check(all(t == "mine" for _, t in w.server.agents), "another identity was used")


@case
def names_that_do_not_resolve():
    root = path("root")
    os.makedirs(root + "/etc", exist_ok=True)
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("127.0.0.1", 0))
    # no server listens there: refused at once
    open(root + "/etc/resolv.conf", "w").write("nameserver 127.0.0.1:1\n")
    open(root + "/etc/hosts", "w").write("127.0.0.1 known.test\n")
    d = harness.Driver("--fast", "--host-root", root, "--kubeconfig", kubeconfig("http://unknown.test:1"))
    try:
        eventually(lambda: "the name unknown.test has no address" in d.state("pods")["problem"],
                   lambda: d.ask("state"))
    finally:
        d.end()
        u.close()
    with World() as w:
        w.populate()
        w.start("--host-root", root, host="known.test")
        w.converge()


def dns_server(answers):
    """UDP on a free port; answers: name to address, None: no such name."""
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                q, peer = u.recvfrom(2000)
            except OSError:
                return
            labels, at = [], 12
            while q[at]:
                labels.append(q[at + 1: at + 1 + q[at]].decode())
                at += 1 + q[at]
            name, kind = ".".join(labels), int.from_bytes(q[at + 1: at + 3], "big")
            a = answers.get(name.lower())
            rr = b"\xc0\x0c\0\1\0\1\0\0\0\x05\0\4" + socket.inet_aton(a) if a and kind == 1 else b""
            flags = b"\x81\x80" if name.lower() in answers and a else b"\x81\x83"
            u.sendto(q[:2] + flags + q[4:6] + (b"\0\1" if rr else b"\0\0") + b"\0\0\0\0" + q[12: at + 5] + rr, peer)
    threading.Thread(target=serve, daemon=True).start()
    return u


@case
def names_by_dns():
    root = path("root2")
    os.makedirs(root + "/etc", exist_ok=True)
    u = dns_server({"api.cluster.test": "127.0.0.1"})
    open(root + "/etc/resolv.conf", "w").write(f"nameserver 127.0.0.1:{u.getsockname()[1]}\nsearch cluster.test\n")
    try:
        for host in ("api.cluster.test", "api"):
            with World() as w:
                w.populate()
                w.start("--host-root", root, host=host)
                w.converge()
        d = harness.Driver("--fast", "--host-root", root, "--kubeconfig", kubeconfig("http://no.cluster.test:1"))
        try:
            eventually(lambda: "DNS knows no such name" in d.state("pods")["problem"], lambda: d.ask("state"))
        finally:
            d.end()
    finally:
        u.close()


def proxy(refuse=False):
    s = socket.create_server(("127.0.0.1", 0))

    def pump(a, b):
        try:
            while (data := a.recv(65536)):
                b.sendall(data)
        except OSError:
            pass
        for x in (a, b):
            try:
                x.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def one(c):
        head = b""
        while b"\r\n\r\n" not in head:
            head += c.recv(4096)
        host, port = head.split(b" ")[1].decode().rsplit(":", 1)
        if refuse:
            c.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return c.close()
        b = socket.create_connection((host, int(port)))
        c.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=pump, args=(c, b), daemon=True).start()
        pump(b, c)

    def serve():
        while True:
            try:
                c, _ = s.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(c,), daemon=True).start()
    threading.Thread(target=serve, daemon=True).start()
    return s


@case
def through_a_proxy():
    s = proxy()
    with World(tls("server")) as w:
        w.populate()
        w.start(cluster=CA + "\n    proxy-url: http://127.0.0.1:%d" % s.getsockname()[1])
        w.converge()
        w.change()
        w.converge()
    s.close()


@case
def proxy_that_refuses():
    s = proxy(refuse=True)
    with World(tls("server")) as w:
        d = w.start(cluster=CA + "\n    proxy-url: http://127.0.0.1:%d" % s.getsockname()[1])
        eventually(lambda: "refused to connect to the API server (status 407)" in d.state("pods")["problem"],
                   lambda: d.ask("state"))
    s.close()


# ---- single pods, raw lists ----------------------------------------------------------------------

@case
def pods_on_demand():
    with World() as w:
        w.populate()
        d = w.start("--node", "node-a")
        w.live("pods")
        check(d.ask("want 10.1.0.1").strip() == "pending", "not asked")
        eventually(lambda: d.ask("want 10.1.0.1").strip() == "found", "not found")
        check('"web-0"' in d.ask("dump") and "pods*" in d.ask("dump"), "not in the store")
        n = len(w.server.requests)
        eventually(lambda: d.ask("want 10.9.9.9").strip() == "none", "not answered with none")
        d.ask("want 10.9.9.9")
        check(len([r for r in w.server.requests[n:] if "podIP" in r]) == 1, "asked twice")
        check(d.ask("want 10.1.0.2").strip() == "found", "the watched one is not known")
        check("Invalid" in d.ask("want 127.0.0.1"), "loopback is asked for")
        # it moves away: the answer is refreshed, and the old one goes
        w.pod("web-0", "10.1.0.77", "node-b")
        time.sleep(0.65)
        d.ask("want 10.1.0.1")
        eventually(lambda: d.ask("want 10.1.0.1").strip() == "none", "still there")
        left = [l for l in d.ask("dump").splitlines() if l.startswith("pods") and '"web-0"' in l]
        check(not left, f"still in the store: {left}")


@case
def pods_on_demand_are_bounded():
    with World() as w:
        w.populate()
        d = w.start("--node", "node-a")
        w.live()
        w.server.fault(match="podIP", do="hang", seconds=1, times=4)
        answers = [d.ask(f"want 10.2.{i >> 8}.{i & 255}").strip() for i in range(300)]
        check(answers.count("pending") == 260, f"{answers.count('pending')} wait")
        check("No buffer space" in answers[-1], answers[-1])
        time.sleep(0.2)
        check(sum("podIP" in r for r in w.server.requests) == 4, "more than four at once")
        eventually(lambda: d.ask("want 10.2.0.200").strip() == "none", "the rest is never asked", 10)
        eventually(lambda: d.ask("want 10.2.0.0").strip() in ("failed", "none", "pending"), "lost")


@case
def raw_list():
    with World() as w:
        w.populate()
        w.server.put("events", {"metadata": {"name": "e", "namespace": "a"}, "odd": {"kept": [1, None]}})
        for i in range(700):
            w.pod(f"many-{i}", f"10.9.{i >> 8}.{i & 255}")
        d = w.start("--no-watch")
        w.converge()
        text = d.ask("raw /api/v1/events")
        check('"odd":{"kept":[1,null]}' in text and "# none" in text, text)
        text = d.ask("raw /api/v1/pods")
        check(text.count("\n") == 707 and "# none skipped=0" in text, text[-300:])
        w.server.fault(match="continue", do="cut", after=5000)
        check("# body" in d.ask("raw /api/v1/pods"), "a cut list is told as whole")
        check("# answer" in d.ask("raw /apis/no/such"), "404 is told as whole")
        w.server.fault(match="continue", do="status", code=410, reason="Expired",
                       metadata={"continue": base64.b64encode(b"c:500:").decode()})
        check(d.ask("raw /api/v1/pods").count("\n") == 707, "the list that expired is not continued")


# ---- whydrop snapshot ------------------------------------------------------------------------------

WHYDROP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/whydrop")


def snapshot(w, name):
    dir = path(name)
    config = kubeconfig(f"{w.scheme}://127.0.0.1:{w.server.port}", name=name + ".yaml")
    r = subprocess.run([WHYDROP, "snapshot", dir, "--kubeconfig", config, "--node", "node-a"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return dir, r


@case
def snapshot_is_what_the_server_has():
    with World() as w:
        w.populate()
        for i in range(700):
            w.pod(f"many-{i}", f"10.9.{i >> 8}.{i & 255}")
        w.server.forbidden.add("networkpolicies")
        dir, r = snapshot(w, "snapshot")
        check(r.returncode == 0, f"status {r.returncode}: {r.stderr.decode()}")
        check(os.stat(dir).st_mode & 0o777 == 0o700, "others may read it")
        for plural in ("pods", "services", "endpointslices", "namespaces", "nodes", "nodenetworkconfigs"):
            with open(os.path.join(dir, plural + ".json")) as f:
                whole = json.load(f)
            check(whole["kind"] == "List", f"{plural}: {whole['kind']}")
            got = {(o["metadata"].get("namespace"), o["metadata"]["name"]): o for o in whole["items"]}
            check(len(got) == len(w.server.items[plural]), f"{plural}: {len(got)} objects")
            check(all(o.get("kind") for o in whole["items"]), f"{plural}: items without kind")
        with open(os.path.join(dir, "MISSING")) as f:
            missing = f.read()
        check("- networkpolicies.json: " in missing and "forbidden" in missing, missing)
        check(not os.path.exists(os.path.join(dir, "networkpolicies.json")), "half a file is there")
        check(f"+ pods.json: {len(w.server.items['pods'])} objects" in r.stdout.decode(), r.stdout.decode())
        # what is there is not written over
        before = sorted(os.listdir(dir))
        check(snapshot(w, "snapshot")[1].returncode == 3, "a full directory was taken")
        check(sorted(os.listdir(dir)) == before, "it was changed")


@case
def snapshot_of_a_list_that_breaks():
    with World() as w:
        w.populate()
        for i in range(700):
            w.pod(f"many-{i}", f"10.9.{i >> 8}.{i & 255}")
        w.server.fault(match="continue", do="cut", after=5000)
        dir, r = snapshot(w, "broken")
        check(r.returncode == 0, f"status {r.returncode}: {r.stderr.decode()}")
        check(not os.path.exists(os.path.join(dir, "pods.json")), "half a list passes for a whole one")
        with open(os.path.join(dir, "MISSING")) as f:
            check("- pods.json: " in f.read(), "not told as missing")
        check(os.path.exists(os.path.join(dir, "services.json")), "the rest is not there")


# ---- endurance -----------------------------------------------------------------------------------

@case
def freed_in_the_middle_of_anything():
    with World(tls("server"), tls("stranger")) as w:
        w.populate()
        w.server.fault(match="services", do="hang", seconds=5, times=20)
        w.server.fault(match="pods", do="drip", delay=0.01, times=20)
        d = w.start(cluster=CA)
        d.ask("churn 60", 60)
        with_plugin = plugin("#!/bin/sh\nsleep 0.02; echo '{}'\n")
        kubeconfig(f"https://localhost:{w.server.port}", cluster=CA, user=with_plugin)
        d.ask("churn 60", 60)
        kubeconfig(f"https://localhost:{w.server.port}", cluster=CA)
        w.server.faults.clear()
        d.ask("churn 1")
        d.ask("start")
        w.converge()


@case
def reconnects_without_growth():
    with World() as w:
        w.populate()
        w.server.fault(match="watch=1&resourceVersion", do="raw", times=RECONNECTS // 2,
                       text="HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{")
        w.server.fault(match="watch=1&resourceVersion", do="close", times=RECONNECTS // 2)
        d = w.start()
        w.live()
        w.server.cut_all()
        eventually(lambda: w.server.connections > RECONNECTS // 4, "too slow", 120)
        first = int(d.ask("rss"))
        eventually(lambda: w.server.pending() == 0, lambda: f"{w.server.pending()} left", 900)
        w.change()
        w.converge(20)
        grown = int(d.ask("rss")) - first
        # a sanitizer's quarantine grows by itself: tests/kube/run bounds it
        check(grown < 6 * 1024, f"RSS grew by {grown} KiB from {first}")


def main():
    harness.DRIVER = sys.argv[1]
    wanted = sys.argv[2:]
    passed = failed = skipped = 0
    harness.WORK = tempfile.mkdtemp(prefix="kube-")
    try:
        harness.make_certificates()
        for fn in CASES:
            name = fn.__name__.replace("_", "-")
            if wanted and name not in wanted:
                continue
            start = time.time()
            try:
                fn()
                passed += 1
                print(f"ok {name} ({time.time() - start:.1f} s)", flush=True)
            except Skip as e:
                skipped += 1
                print(f"skip {name}: {e}", flush=True)
            except Exception as e:
                failed += 1
                print(f"FAIL {name}: {e}", flush=True)
                if not isinstance(e, Bad):
                    traceback.print_exc()
    finally:
        shutil.rmtree(harness.WORK, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.stdout.flush()
    os._exit(1 if failed else 0)


main()
