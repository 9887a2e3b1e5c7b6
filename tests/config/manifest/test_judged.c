/* What a canary and its analysis are told on load, though nothing is wrong with them. */
#include "tests/config/manifest/fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static size_t count_code(const struct manifest_set *set, const char *code)
{
    size_t count = 0;
    for (size_t i = 0; i < diagnostics_count(set->diagnostics); i++)
        count += strcmp(diagnostics_get(set->diagnostics, i)->code, code) == 0;
    return count;
}

/* Both are no errors: the release would be brought, and not be judged by what its author thinks. */
Test(judged, a_canary_that_cannot_be_judged_is_told_on_load)
{
    static const struct {
        const char *endpoints, *rollout;
        size_t gateway, blind;
        bool counted; /* its requests would be */
    } rows[] = {
        {"{name: e, type: http, port: 80}", "strategy: canary, preset: fast", 1, 0, false},
        {"{name: e, type: http, port: 80, visibility: [namespace]}",
         "strategy: canary, preset: fast, analysis: {}", 1, 0, true},
        {"{name: e, type: http, port: 80}",
         "strategy: canary, preset: fast, analysis: {provider: workflow, workflow: {name: smoke}}",
         1, 0, false},
        {"{name: e, type: tcp, port: 80, visibility: [internal]}", "strategy: canary, preset: fast",
         1, 0, false},
        {"{name: e, type: udp, port: 80, visibility: [internal]}", "strategy: canary, preset: fast",
         1, 0, false},
        {"{name: e, type: http, port: 80, visibility: [internal]}",
         "strategy: canary, preset: fast, analysis: {}", 0, 0, false},
        {"{name: d, type: tcp, port: 81}, {name: e, type: websocket, port: 80, visibility: "
         "[external]}",
         "strategy: canary, preset: fast", 0, 0, false},
        {"{name: e, type: http, port: 80}", "strategy: blue-green", 0, 0, false},
        {"{name: e, type: http, port: 80}", "strategy: rolling", 0, 0, false},
        {"{name: e, type: grpc, port: 80}", "strategy: blue-green, analysis: {}", 0, 1, false},
        {"{name: e, type: grpc, port: 80}",
         "strategy: blue-green, analysis: {provider: prometheus, template: nginx, metrics: "
         "[latency, error-rate]}",
         0, 1, false},
        {"{name: e, type: grpc, port: 80}", "strategy: blue-green, analysis: {provider: observer}",
         0, 1, false},
        {"{name: e, type: grpc, port: 80}", "strategy: blue-green, analysis: {provider: webhook}",
         0, 0, false},
        {"{name: e, type: grpc, port: 80}", "strategy: blue-green, analysis: {template: istio}", 0,
         0, false},
        {"{name: e, type: grpc, port: 80}",
         "strategy: blue-green, analysis: {template: query, metrics: [{name: error-rate, "
         "numerator: a, denominator: b}]}",
         0, 0, false},
        {"{name: e, type: grpc, port: 80}",
         "strategy: blue-green, analysis: {metrics: [latency, {name: error-rate, numerator: a, "
         "denominator: b}]}",
         0, 0, false},
        {"{name: e, type: grpc, port: 80}", "strategy: blue-green, analysis: {metrics: [latency]}",
         0, 0, false},
        {"{name: e, type: grpc, port: 80}, {name: f, type: http, port: 81}",
         "strategy: blue-green, analysis: {}", 0, 0, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture fixture = {0};
        char text[2048];
        (void)snprintf(text, sizeof(text),
                       "apiVersion: celld.dev/v1\nkind: Cell\nmetadata: {name: cart}\nspec:\n"
                       "  components:\n    - {name: api, image: \"r/api:1\", endpoints: [%s]}\n"
                       "  rollout: {%s}\n  environments: {production: {env: [{name: A, value: b}]},"
                       " development: {env: [{name: A, value: c}]}}\n",
                       rows[i].endpoints, rows[i].rollout);
        fixture_add(&fixture, "platform.yaml", fixture_platform);
        fixture_add(&fixture, "cells/cart/cell.yaml", text);
        fixture_load(&fixture, NULL, NULL);
        cr_expect_eq(diagnostics_error_count(fixture.set->diagnostics), 0, "%zu: %s", i,
                     fixture_found(fixture.set));
        cr_expect_eq(count_code(fixture.set, "W_NO_GATEWAY"), rows[i].gateway, "%zu: %s", i,
                     fixture_found(fixture.set));
        const struct diagnostic *told = fixture_find(&fixture, "W_NO_GATEWAY");
        cr_expect(told == NULL || rows[i].counted == (strstr(told->message, "judge") != NULL),
                  "%zu: %s", i, fixture_found(fixture.set));
        cr_expect_eq(count_code(fixture.set, "W_BLIND_ANALYSIS"), rows[i].blind, "%zu: %s", i,
                     fixture_found(fixture.set));
        fixture_free(&fixture);
    }
}
