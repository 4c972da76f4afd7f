import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const POD_IP = '10.1.0.2';
const UID = '15015';

/** The rules of DESIGN.md and DATA-PLANE.md, in the order that matters, as small as they can be. */
const SETUP = `set -e
ip link set lo up
ip link add pod0 type veth peer name pod1
ip link set pod1 up
ip addr add ${POD_IP}/24 dev pod0
ip link set pod0 up
ip route add 10.96.0.0/16 dev pod0
iptables -t nat -A PREROUTING -p tcp -j REDIRECT --to-ports 15006
iptables -t nat -A OUTPUT -p tcp -o lo -s 127.0.0.6 -m owner --uid-owner ${UID} -j RETURN
iptables -t nat -A OUTPUT -p tcp -o lo ! -d 127.0.0.1 -m owner --uid-owner ${UID} -j REDIRECT --to-ports 15006
iptables -t nat -A OUTPUT -p tcp -m owner --uid-owner ${UID} -j RETURN
iptables -t nat -A OUTPUT -p tcp -d 127.0.0.1 -j RETURN
iptables -t nat -A OUTPUT -p tcp -d 10.96.0.0/16 -j REDIRECT --to-ports 15001`;

/** Runs in the namespace: the sidecar as the proxy's user, an app, and a call of the app to its own Service. */
const RUN = `${SETUP}
"$0" -e '
  require("node:http").createServer((q, r) => r.end(q.socket.remoteAddress + " " + q.headers["weft-caller"])).listen(8080, "${POD_IP}");
' & APP=$!
mkfifo "$2"
setpriv --reuid ${UID} --regid ${UID} --clear-groups "$0" "$1" ${POD_IP} 8080 > "$2" & SIDECAR=$!
exec 4< "$2"
read -r line <&4
"$0" -e 'fetch("http://10.96.0.1/").then((r) => r.text()).then((t) => console.log("service: " + t))'
"$0" -e 'fetch("http://${POD_IP}:8080/").then((r) => r.text()).then((t) => console.log("direct: " + t))'
kill -TERM $SIDECAR
cat <&4
kill $APP`;

const usable =
  spawnSync('unshare', ['-n', 'sh', '-c', `${SETUP}\nsetpriv --version`], { stdio: 'ignore' }).status === 0;

test('behind real redirection a pod calls itself through its Service: encrypted, identified, without a loop', {
  skip: !usable,
}, () => {
  const fixture = fileURLToPath(new URL('testing/redirected-pod.fixture.ts', import.meta.url));
  const pipe = `/tmp/weft-namespace-test-${process.pid}`;
  const run = spawnSync('unshare', ['-n', 'sh', '-c', RUN, process.execPath, fixture, pipe], {
    timeout: 30_000,
  });
  spawnSync('rm', ['-f', pipe]);
  const output = run.stdout.toString();
  assert.match(
    output,
    /^service: 127\.0\.0\.6 spiffe:\/\/cluster\.local\/ns\/shop\/sa\/web$/m,
    run.stderr.toString(),
  );
  assert.match(output, new RegExp(`^direct: ${POD_IP} undefined$`, 'm'));
  const edges = JSON.parse(output.split('\n').find((line) => line.startsWith('['))!);
  assert.deepEqual(
    edges
      .map((edge: { direction: string; encrypted: boolean; allowed: number }) => [
        edge.direction,
        edge.encrypted,
        edge.allowed,
      ])
      .sort(),
    [
      ['inbound', true, 1],
      ['outbound', true, 1],
    ],
  );
});
