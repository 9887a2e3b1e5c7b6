#!/usr/bin/env bash
# Runs inside the booted tree. Each check says what it checked; the first that fails ends the run.
set -uo pipefail
export LC_ALL=C HOME=/root

fail() {
    echo "FAILED: $*"
    systemctl status --no-pager --full celld.service celld.socket | tail -n 30
    journalctl --no-pager -u celld.service -n 60
    exit 1
}
passed() { echo "ok: $*"; }
# eventually WHAT COMMAND...: polls for a minute.
eventually() {
    local what=$1
    shift
    for _ in $(seq 600); do
        "$@" >/dev/null 2>&1 && { passed "$what"; return; }
        sleep 0.1
    done
    fail "$what"
}
as() { setpriv --reuid=nobody --regid="$1" --clear-groups "${@:2}"; }
status() { cellctl status -o json; }
condition() { status | jq -e --arg is "$1" '.condition == $is'; }

systemd-sysusers && systemd-tmpfiles --create || fail "users and directories"
install -m 600 /dev/stdin /etc/celld/credentials/platform-token <<<"boot-test-token-5f2c"
git init --quiet --bare --initial-branch=main /srv/origin.git
chown -R celld:celld /srv/origin.git
cd /test/monorepo && git init --quiet --initial-branch=main && git config user.name T && git config user.email t@localhost
git config --global --add safe.directory '*'
git add --all && git commit --quiet -m "Declare everything" && git push --quiet /srv/origin.git HEAD:main || fail "push"
systemctl start standin.service
for _ in $(seq 100); do curl -s -o /dev/null http://127.0.0.1:8080/health && break; sleep 0.1; done

systemctl enable --now celld.socket celld-admin.socket >/dev/null 2>&1 || fail "sockets start"
systemctl start celld.service || fail "celld starts and says that it is ready"
[ "$(systemctl show -P Type celld.service)" = notify ] || fail "Type=notify"
passed "celld starts and says that it is ready"
eventually "it reconciles to converged" condition converged
status_line() { systemctl show -P StatusText celld.service | grep -q ^converged; }
eventually "the service's status line says so" status_line

as celld curl -sf -o /dev/null --unix-socket /run/celld/celld.sock http://x/v1/status || fail "the group celld may read"
as celld curl -s -o /dev/null --unix-socket /run/celld/admin.sock -X POST http://x/v1/commands/sync && fail "the group celld may act"
as nogroup curl -s -o /dev/null --unix-socket /run/celld/celld.sock http://x/v1/status && fail "others may read"
as celld-admin cellctl sync >/dev/null || fail "the group celld-admin may act"
passed "each socket answers its own group only"

score=$(systemd-analyze security celld.service --no-pager | tail -n 1)
systemd-analyze security --threshold=11 celld.service >/dev/null || fail "exposure: $score"
passed "exposure as booted: ${score##*: }"
for pid in $(pgrep -x celld); do
    tr '\0' '\n' <"/proc/$pid/environ" | grep -q boot-test-token && fail "a secret is in the environment"
done
journalctl --no-pager -o json | grep -q boot-test-token && fail "a secret is in the log"
grep -rqs boot-test-token /var/lib/celld && fail "a secret is in the journal"
passed "the credential is in no log, environment or state file"
[ "$(journalctl --no-pager -o json CELLD_CELL=stock | wc -l)" -gt 0 ] || fail "journald fields"
passed "journald can be asked by cell"

cp /etc/celld/celld.yaml /test/good.yaml
sed -i 's/branch:/brunch:/' /etc/celld/celld.yaml
systemctl reload celld.service 2>/dev/null && fail "a reload with bad settings succeeds"
verdict=$(cellctl reload 2>&1) && fail "a reload with bad settings succeeds"
grep -q 'celld.yaml:3:3' <<<"$verdict" || fail "the refusal says where: $verdict"
condition converged >/dev/null || fail "the old settings stay"
passed "a reload with bad settings is refused, says where, and the old ones stay"
cp /test/good.yaml /etc/celld/celld.yaml
systemctl reload celld.service || fail "a reload with good settings"
eventually "after a reload it is converged again" condition converged

before=$(systemctl show -P MainPID celld.service)
systemctl kill --signal=KILL --kill-who=main celld.service
restarted() { local now; now=$(systemctl show -P MainPID celld.service); [ "$now" != 0 ] && [ "$now" != "$before" ] && condition converged; }
eventually "after kill -9 it is back and converged" restarted

systemctl stop celld.service
mount -t tmpfs -o size=2m,mode=0700,uid=celld,gid=celld tmpfs /var/lib/celld
systemctl start celld.service || fail "it starts on a small disk"
eventually "it adopts what stands" condition converged
dd if=/dev/zero of=/var/lib/celld/fill bs=4k 2>/dev/null
cd /test/monorepo && sed -i 's/stock:1.0.0/stock:1.1.0/' cells/stock/cell.yaml && git commit --quiet -am "Release" && git push --quiet /srv/origin.git HEAD:main
cellctl sync >/dev/null 2>&1
writes() { jq -c 'select(.method != "GET")' /test/requests.jsonl | wc -l; }
sleep 8
count=$(writes)
sleep 3
[ "$(writes)" = "$count" ] || fail "it writes to the control plane with a full state directory"
systemctl is-active --quiet celld.service || fail "a full state directory ends it"
passed "with a full state directory it stays up and writes nothing"
rm /var/lib/celld/fill
released() { curl -s http://127.0.0.1:8080/api/v1/namespaces/shop/workloads/stock-api-a | grep -q 'stock:1.1.0' && condition converged; }
eventually "with room again it goes on by itself" released

systemctl stop celld.service || fail "stop"
[ "$(systemctl show -P Result celld.service)" = success ] || fail "it does not stop cleanly: $(systemctl show -P Result celld.service)"
passed "it stops cleanly"
echo passed >/test/result
