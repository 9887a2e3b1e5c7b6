# The part of `run --canary`: sourced by it, not run. It shows how a release of checkoutservice takes
# over the traffic step by step, how a bad one is found by the judge and taken back, and what a
# second push of it and a fix do. Functions of `run` that are used: say, fail, cellctl, wait_for.

rate=100          # requests a second that are asked of checkoutservice
target=production
order=cells/order-cell/cell.yaml

# One target, the cells that checkoutservice needs, and a quick canary for it.
canary_declare() {
    rm -rf "$work/monorepo/cells/"{frontend,marketing,product}-cell
    sed -i '/^  environments:/,/^  phases:/c\
  environments:\
    - {name: production, production: true, regions: [us]}\
  phases:' "$work/monorepo/platform.yaml"
    sed -i -e 's/cells: \[platform, product, cart\]/cells: [platform, cart]/' \
        -e 's/cells: \[payment, fulfillment, marketing\]/cells: [payment, fulfillment]/' \
        -e '/cells: \[frontend\]/d' "$work/monorepo/platform.yaml"
    sed -i -e 's/basePath: \/api\/v1\/checkout, visibility: \[namespace\]/basePath: \/api\/v1\/checkout, visibility: [namespace, external]/' \
        -e '/^    production:/,$d' "$work/monorepo/$order"
    cat >>"$work/monorepo/$order" <<'END'
    production:
      components: {checkoutservice: {scaling: {min: 2, max: 10}}}
      rollout:
        strategy: canary
        steps: # a real platform takes minutes; `preset: normal` knows how many
          - {weight: 5, soak: 20s}
          - {weight: 20, soak: 10s}
          - {weight: 50, soak: 10s}
        analysis: {provider: prometheus, template: hubble, interval: 10s, metrics: [error-rate]}
        bake: 10s
END
}

# A real Prometheus that scrapes the data plane's Hubble metrics every second.
canary_prometheus() {
    prometheus_port=$((20000 + RANDOM % 20000))
    cat >"$work/prometheus.yaml" <<END
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: hubble
    static_configs: [{targets: ["${metrics#http://}"]}]
END
    prometheus "--config.file=$work/prometheus.yaml" "--storage.tsdb.path=$work/prometheus" \
        "--web.listen-address=127.0.0.1:$prometheus_port" 2>"$work/prometheus.log" &
    pids+=($!)
    wait_for 60 "Prometheus scrapes" canary_query 'up == 1'
}

canary_query() {
    curl -sfG "http://127.0.0.1:$prometheus_port/api/v1/query" --data-urlencode "query=$1" |
        jq -e '.data.result | length > 0' >/dev/null
}

# Requests at a constant rate through the gateway; counts are in load.json, new every second.
canary_load() {
    local route
    route=$(curl -sf "$url/standin/live?kind=HTTPRoute" | jq -r --arg target "$target" \
        '[.[] | select(.metadata.labels["openchoreo.dev/component"] == "checkoutservice" and
                       .metadata.labels["openchoreo.dev/environment"] == $target)][0] |
         "\(.spec.hostnames[0]) \(.spec.rules[0].matches[0].path.value)"')
    "$bin/choreo-load" --url "$gateway${route#* }" --host "${route% *}" --rate "$rate" \
        --report "$work/load.json" >"$work/load.out" 2>"$work/load.log" &
    load=$!
    pids+=("$load")
    wait_for 30 "requests are answered" test -s "$work/load.json"
}

# What the gateway sent to the slots: "requests failed" on one line.
canary_counts() { curl -sf "$metrics/traffic" | jq -r '"\(.requests) \(.failed)"'; }

# The share of slot b in percent, and of slot a, as the live route has them.
canary_weights() {
    curl -sf "$metrics/traffic" | jq -r '[.backends[] | select(.backend | startswith("checkoutservice-"))]
        | map({(.backend[-1:]): .weight}) | add | "\(.a // 0) \(.b // 0)"'
}

# Every weight that slot $1 had since line $2 of the data plane's log, once each, in order.
canary_steps() {
    tail -n "+$(($2 + 1))" "$work/traffic.jsonl" | jq -r --arg slot "checkoutservice-$1" \
        'select(.event == "weights" and (.route | startswith("checkoutservice-"))) | .weights[$slot] // 0' |
        uniq | tr '\n' ' ' | sed 's/ $//'
}

canary_push() {
    git -C "$work/monorepo" commit --quiet --all --allow-empty -m "$1"
    git -C "$work/monorepo" push --quiet origin main
    revision=$(git -C "$work/monorepo" rev-parse HEAD)
    cellctl sync >/dev/null
}

canary_release() {
    sed -i "s|ecommerce/checkoutservice:.*|ecommerce/checkoutservice:$1|" "$work/monorepo/$order"
    canary_push "Release checkoutservice $1"
    marked=$(wc -l <"$work/traffic.jsonl")
    read -r asked_before failed_before <<<"$(canary_counts)"
    began=$(date +%s)
}

# The revision is looked at, and the order cell is in state $1 there: "converged", "rolled-back".
canary_is() {
    cellctl status -o json | jq -e --arg target "$target" --arg revision "$revision" --arg state "$1" \
        '.revision.commit == $revision and (.condition == $state or $state != "converged") and
         ([.cells[] | select(.name == "order") | .targets[] | select(.target == $target)
           | .state == $state] | all)' >/dev/null
}

# Prints a line at each change of weights until the cell is in state $1 at the revision.
canary_watch() {
    local wanted=$1 weights shown= asked failed since
    while :; do
        kill -0 "$celld" 2>/dev/null || fail "celld has left"
        weights=$(canary_weights)
        if [ "$weights" != "$shown" ]; then
            read -r asked failed <<<"$(canary_counts)"
            printf '%4d s  slot a %3d %%, slot b %3d %%   %d requests, %d failed\n' \
                $(($(date +%s) - began)) ${weights% *} ${weights#* } \
                $((asked - asked_before)) $((failed - failed_before))
            shown=$weights
        fi
        canary_is "$wanted" && break
        since=$(($(date +%s) - began))
        [ "$since" -le 240 ] || fail "not $wanted after $since s: $(cellctl why order)"
        sleep 0.5
    done
    read -r asked failed <<<"$(canary_counts)"
    asked=$((asked - asked_before)) failed=$((failed - failed_before))
    took=$(($(date +%s) - began))
    echo "It took $took s: $asked requests, $failed of them failed."
    requests=$asked failures=$failed
}

canary_is_at_revision() {
    cellctl status -o json | jq -e --arg revision "$revision" '.revision.commit == $revision' >/dev/null
}

canary_good() {
    local slot=$1 release=$2
    canary_release "$release"
    canary_watch converged
    local steps
    steps=$(canary_steps "$slot" "$marked")
    [ "$steps" = "0 5 20 50 100" ] || [ "$steps" = "5 20 50 100" ] ||
        fail "the weights of slot $slot were $steps, not 5 20 50 100"
    [ "$failures" -eq 0 ] || fail "$failures requests failed"
}

canary_bad() {
    canary_release 1.2.0-errors5
    canary_watch rolled-back
    bad_requests=$requests bad_failures=$failures bad_took=$took
    local steps last
    steps=$(canary_steps a "$marked")
    last=${steps##* }
    [ "$last" = 0 ] || fail "the bad release still has $last % of the traffic"
    [ "$failures" -gt 0 ] || fail "no request failed: the release was not bad"
    cellctl quarantine list
    cellctl quarantine list -o json | jq -e 'tostring | contains("checkoutservice")' >/dev/null ||
        fail "it is not in quarantine"
    cellctl why order
}

# The same content under a new commit: looked at, and nothing is written.
canary_again() {
    local before after
    before=$(writes)
    echo "Nothing that celld reads." >"$work/monorepo/NOTES"
    git -C "$work/monorepo" add NOTES
    canary_push "Say something else"
    wait_for 60 "celld is at the new revision" canary_is_at_revision
    sleep 15
    after=$(writes)
    [ "$before" -eq "$after" ] || fail "$((after - before)) writes for content that is in quarantine"
    [ "$(canary_weights)" = "0 100" ] || fail "the weights are $(canary_weights)"
}

canary_run() {
    say "Traffic: $rate requests a second to checkoutservice"
    canary_load
    sleep 5
    say "A good release: checkoutservice 1.1.0"
    canary_good b 1.1.0
    say "A bad release: checkoutservice 1.2.0-errors5 fails 5 % of its requests"
    canary_bad
    say "The same content again"
    canary_again
    echo "Nothing was written."
    say "The fix: checkoutservice 1.2.1"
    canary_good a 1.2.1
    summary="canary: 5 20 50 100 % with 0 failed requests; the bad release was rolled back after $bad_took s with $bad_failures of $bad_requests requests failed, and quarantined; the fix went through"
}

canary_hints() {
    cat <<END
Requests go on at $rate a second; $metrics/traffic counts them by slot. Release something yourself,
for instance one that fails one request in fifty:

  sed -i 's|ecommerce/checkoutservice:.*|ecommerce/checkoutservice:1.3.0-errors2|' $order
  git commit -am "Release checkoutservice 1.3.0" && git push && cellctl sync
  cellctl rollout get order -w        the rollout, live: slots, weights, soak, evidence

In a tag, \`errors5\` fails 5 % of the requests, \`slow200\` takes 200 ms more, \`tail10x400\` takes 400 ms
more for 10 % of them.
END
}
