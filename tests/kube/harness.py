# SPDX-License-Identifier: Apache-2.0
"""A driver and a server side by side: what the cases are written with."""
import importlib.machinery, importlib.util, os, select, ssl, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
_loader = importlib.machinery.SourceFileLoader("apiserver", os.path.join(HERE, "apiserver"))
sys.dont_write_bytecode = True
apiserver = importlib.util.module_from_spec(importlib.util.spec_from_loader("apiserver", _loader))
_loader.exec_module(apiserver)

FIXTURES = os.path.join(HERE, "../../../shared/fixtures/shop/api")
DRIVER = None  # set by cases.py
WORK = None


class Bad(Exception):
    pass


class Skip(Exception):
    pass


def check(truth, why):
    if not truth:
        raise Bad(why)


def eventually(fn, why, seconds=8):
    """fn() until it is true; why may be a function."""
    end = time.time() + seconds
    while True:
        r = fn()
        if r:
            return r
        if time.time() > end:
            raise Bad(why() if callable(why) else why)
        time.sleep(0.04)


class Driver:
    def __init__(self, *args, env=None):
        self.log = tempfile.TemporaryFile("w+", dir=WORK)
        self.p = subprocess.Popen([DRIVER, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=self.log, env={**os.environ, **(env or {})})
        os.set_blocking(self.p.stdout.fileno(), False)
        self.held = b""

    def ask(self, line, seconds=20):
        self.p.stdin.write(line.encode() + b"\n")
        self.p.stdin.flush()
        end = time.time() + seconds
        while not (self.held == b".\n" or self.held.endswith(b"\n.\n")):
            if not select.select([self.p.stdout], [], [], max(0, end - time.time()))[0]:
                raise Bad(f"the driver gave no answer to '{line}'")
            more = self.p.stdout.read()
            if not more:
                raise Bad(f"the driver ended during '{line}': {self.words()[-1500:]}")
            self.held += more
        text, self.held = self.held[:-2], b""
        return text.decode()

    def words(self):
        self.log.flush()
        self.log.seek(0)
        return self.log.read()

    def state(self, plural):
        for l in self.ask("state").splitlines():
            if l.startswith(plural + " "):
                head, problem = l.split(" problem=", 1)
                d = {k: int(v) for k, v in (p.split("=") for p in head.split(" ")[1:])}
                return {**d, "problem": problem}
        raise Bad("no state of " + plural)

    def end(self):
        """Its end is where the sanitizers speak."""
        if self.p.poll() is None:
            try:
                self.p.stdin.write(b"quit\n")
                self.p.stdin.close()
            except OSError:
                pass
        try:
            r = self.p.wait(20)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
            raise Bad("the driver did not end")
        text = self.words()
        check(r in (0, 1) and "Sanitizer" not in text and "runtime error" not in text,
              f"the driver ended with {r}: {text[-3000:]}")
        return text


def truth_of(lines):
    r = subprocess.run([DRIVER, "--truth"], input=lines, stdout=subprocess.PIPE, check=True)
    return r.stdout.decode()


def kubeconfig(url, name="config", cluster="", user=""):
    path = os.path.join(WORK, name)
    with open(path, "w") as f:
        f.write(f"""apiVersion: v1
kind: Config
current-context: test
contexts: [{{name: test, context: {{cluster: c, user: u}}}}]
clusters:
- name: c
  cluster:
    server: {url}
{cluster}
users:
- name: u
  user: {{{user}}}
""")
    return path


class World:
    """One server and one driver, ended when the case is over."""

    def __init__(self, tls=None, wrong=None):
        self.server = apiserver.Server(0, tls, wrong)
        self.driver = None
        self.scheme = "https" if tls else "http"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if self.driver:
                if kind:
                    sys.stderr.write(self.driver.words()[-2000:])
                    self.driver.p.kill()
                    self.driver.p.wait()
                else:
                    self.driver.end()
        finally:
            self.server.stop()

    def populate(self):
        for i in range(6):
            self.pod(f"web-{i}", f"10.1.0.{i + 1}", "node-a" if i % 2 else "node-b")
        s = self.server
        s.make(services=4, endpoints=3, nodes=2)
        s.put("networkpolicies", {"metadata": {"name": "deny", "namespace": "a"}, "spec": {"podSelector": {}}})
        s.put("nodenetworkconfigs", {"metadata": {"name": "node-a", "namespace": "kube-system"}, "spec": {}})

    def pod(self, name, ip, node="node-a", phase="Running"):
        self.server.put("pods", {"metadata": {"name": name, "namespace": "a", "labels": {"app": name}},
                                 "spec": {"nodeName": node, "containers": []},
                                 "status": {"phase": phase, "podIP": ip, "podIPs": [{"ip": ip}]}})

    def start(self, *args, host="127.0.0.1", cluster="", user="", env=None):
        path = kubeconfig(f"{self.scheme}://{host}:{self.server.port}", cluster=cluster, user=user)
        self.driver = Driver("--fast", "--kubeconfig", path, *args, env=env)
        return self.driver

    def converge(self, seconds=10, where=lambda plural, o: True):
        """The store is what the server has."""
        want = truth_of(self.server.truth(where))
        got = [""]

        def same():
            got[0] = self.driver.ask("dump")
            return got[0] == want

        def why():
            a, b = set(got[0].splitlines()), set(want.splitlines())
            return (f"store differs: {len(a)} lines for {len(b)}; too much: {sorted(a - b)[:2]}; "
                    f"missing: {sorted(b - a)[:2]}; state: {self.driver.ask('state')}")
        eventually(same, why, seconds)

    def live(self, *plurals, seconds=10):
        for p in plurals or ("pods", "services", "endpointslices", "networkpolicies", "namespaces", "nodes"):
            eventually(lambda: self.driver.state(p)["live"], lambda: f"{p} is not live: "
                       f"{self.driver.state(p)}", seconds)

    def change(self):
        """Something of each kind of event, which must arrive."""
        n = self.server.version
        self.pod(f"new-{n}", "10.1.1.1")
        self.pod("web-0", "10.1.0.99")
        if ("a", "web-1") in self.server.items["pods"]:
            self.server.delete("pods", "a", "web-1")


def make_certificates():
    """An authority, a server certificate for 127.0.0.1 and localhost, one for elsewhere by the same,
    an expired one, a client's, and a stranger's authority."""
    def run(*a):
        subprocess.run(["openssl", *a], cwd=WORK, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for ca in ("ca", "other"):
        run("req", "-x509", *ec, "-keyout", ca + ".key", "-out", ca + ".crt", "-subj", "/CN=" + ca,
            "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE")
    for name, san, ca, days in (("server", "DNS:localhost,DNS:api.test,IP:127.0.0.1", "ca", "30"),
                                ("elsewhere", "DNS:elsewhere.test", "ca", "30"),
                                ("stranger", "DNS:localhost,IP:127.0.0.1", "other", "30"),
                                ("client", "DNS:client", "ca", "30")):
        run("req", *ec, "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        with open(os.path.join(WORK, "ext"), "w") as f:
            f.write("subjectAltName=" + san + "\n")
        run("x509", "-req", "-in", name + ".csr", "-CA", ca + ".crt", "-CAkey", ca + ".key", "-out",
            name + ".crt", "-days", days, "-extfile", "ext", "-CAcreateserial")


def tls(name, client_ca=None, minimum=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(path(name + ".crt"), path(name + ".key"))
    if client_ca:
        c.load_verify_locations(path(client_ca))
        c.verify_mode = ssl.CERT_REQUIRED
    if minimum:
        c.maximum_version = minimum
    return c


def path(name):
    return os.path.join(WORK, name)
