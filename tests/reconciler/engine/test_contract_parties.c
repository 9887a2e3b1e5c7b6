/* Who is asked before an endpoint goes: consumers of every kind, laid out by hand. */
#include "config/base/json.h"
#include "reconciler/engine/contract.h"
#include "reconciler/engine/internal.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(contract_parties, .timeout = 600);

#define CONSUMERS 2

/* One provider, and consumers in a cell of their own, all on one target. */
struct parties {
    struct engine engine;
    struct unit cells[2], *units[2];
    struct track provider, consumers[CONSUMERS], *own[1], *others[CONSUMERS];
    struct node nodes[CONSUMERS];
    struct node_facts facts[CONSUMERS];
    struct node_verdict verdicts[CONSUMERS];
};

static const struct component some_manifest;
static const struct target some_target;

static struct packed *pack(const char *text)
{
    if (text == NULL)
        return NULL;
    json_t *value = json_loads(text, 0, NULL);
    cr_assert_not_null(value, "%s", text);
    return packed_take(value);
}

static void name_track(struct track *track, struct unit *cell, const char *component)
{
    track->unit = cell;
    track->manifest = &some_manifest;
    track->place = &some_target;
    snprintf(track->component, sizeof track->component, "%s", component);
    snprintf(track->target, sizeof track->target, "production");
}

static void parties_init(struct parties *parties, const char *before, const char *after)
{
    *parties = (struct parties){0};
    snprintf(parties->cells[0].name, NAME_SIZE, "ledger");
    snprintf(parties->cells[1].name, NAME_SIZE, "shop");
    name_track(&parties->provider, &parties->cells[0], "ledger");
    parties->provider.has_content = true;
    parties->provider.rollout.has_stable = true;
    parties->provider.rollout.stable.endpoints = pack(before);
    parties->provider.content.endpoints = pack(after);
    parties->own[0] = &parties->provider;
    for (size_t i = 0; i < CONSUMERS; i++) {
        name_track(&parties->consumers[i], &parties->cells[1], i == 0 ? "front" : "back");
        parties->others[i] = &parties->consumers[i];
        parties->nodes[i].index = i;
        parties->consumers[i].node = &parties->nodes[i];
        parties->verdicts[i].may_start = true;
    }
    parties->cells[0].tracks = parties->own;
    parties->cells[0].track_count = 1;
    parties->cells[1].tracks = parties->others;
    parties->cells[1].track_count = CONSUMERS;
    for (size_t i = 0; i < 2; i++)
        parties->units[i] = &parties->cells[i];
    parties->engine.units = parties->units;
    parties->engine.unit_count = 2;
    parties->engine.facts = parties->facts;
    parties->engine.verdicts = parties->verdicts;
}

/* NULL = it has no such content. */
static void let_need(struct track *consumer, const char *stable, const char *next,
                     const char *wanted)
{
    consumer->rollout.has_stable = stable != NULL;
    consumer->rollout.stable.needs = pack(stable);
    consumer->rollout.has_next = next != NULL;
    consumer->rollout.next.needs = pack(next);
    consumer->has_content = wanted != NULL;
    consumer->content.needs = pack(wanted);
    snprintf(consumer->content.deployment_digest, sizeof consumer->content.deployment_digest,
             "wanted");
}

static void parties_fini(struct parties *parties)
{
    free(parties->provider.refusal);
    rollout_content_fini(&parties->provider.content);
    rollout_content_fini(&parties->provider.rollout.stable);
    for (size_t i = 0; i < CONSUMERS; i++) {
        rollout_content_fini(&parties->consumers[i].content);
        rollout_content_fini(&parties->consumers[i].rollout.stable);
        rollout_content_fini(&parties->consumers[i].rollout.next);
    }
}

#define RPC "\"rpc\": {\"type\": \"gRPC\", \"visibility\": 15}"
#define HTTP "\"http\": {\"type\": \"HTTP\", \"visibility\": 15}"
#define BOTH "{" RPC ", " HTTP "}"
#define ONLY_HTTP "{" HTTP "}"
#define NEED(component_, endpoint_, type_, more_)                                                  \
    "{\"component\": \"" component_ "\", \"endpoint\": \"" endpoint_ "\", \"type\": \"" type_      \
    "\"" more_ "}"
#define NEEDS_RPC "[" NEED("ledger", "rpc", "gRPC", ", \"namespace\": true") "]"
#define NEEDS_BOTH "[" NEED("ledger", "rpc", "gRPC", "") ", " NEED("ledger", "http", "HTTP", "") "]"
#define NEEDS_NOTHING "[]"

enum outcome { GOES, YIELDS, REFUSED };

static const struct {
    const char *what;
    const char *before, *after; /* endpoints of the provider; NULL = none */
    const char *stable, *next, *wanted;
    enum outcome outcome;
    const char *words; /* NULL = not looked at */
} cases[] = {
    {"a live one needs it", BOTH, ONLY_HTTP, NEEDS_RPC, NULL, NEEDS_RPC, REFUSED,
     "front of cell shop connects to endpoint rpc (gRPC) of ledger, which this release does not "
     "have: keep it until front does without"},
    {"the first of what it needs goes", BOTH, ONLY_HTTP, NEEDS_BOTH, NULL, NEEDS_BOTH, REFUSED,
     "endpoint rpc"},
    {"all goes", BOTH, NULL, NEEDS_BOTH, NULL, NEEDS_BOTH, REFUSED, "endpoint rpc"},
    {"one that begins to need it", BOTH, ONLY_HTTP, NULL, NULL, NEEDS_RPC, REFUSED, NULL},
    {"one on its way needs it", BOTH, ONLY_HTTP, NEEDS_NOTHING, NEEDS_RPC, NULL, REFUSED, NULL},
    {"a live one that git lets do without", BOTH, ONLY_HTTP, NEEDS_RPC, NULL, NEEDS_NOTHING, YIELDS,
     NULL},
    {"... but whose new content needs what is not live yet", ONLY_HTTP, "{}",
     "[" NEED("ledger", "http", "HTTP", "") "]", NULL, "[" NEED("ledger", "rpc", "gRPC", "") "]",
     REFUSED, NULL},
    {"it needs what never was there", ONLY_HTTP, "{}", NEEDS_RPC, NULL, NEEDS_RPC, GOES, NULL},
    {"it needs that of another", BOTH, ONLY_HTTP, "[" NEED("ledger-2", "rpc", "gRPC", "") "]", NULL,
     NEEDS_NOTHING, GOES, NULL},
    {"it needs something else", BOTH, ONLY_HTTP, "[" NEED("ledger", "http", "HTTP", "") "]", NULL,
     NEEDS_NOTHING, GOES, NULL},
    {"nothing is known of it", BOTH, ONLY_HTTP, NULL, NULL, NULL, GOES, NULL},
    {"hidden from other cells", "{" RPC "}", "{\"rpc\": {\"type\": \"gRPC\", \"visibility\": 0}}",
     NEEDS_RPC, NULL, NEEDS_RPC, REFUSED, "no longer shows to other cells"},
    {"hidden, and used from within", "{" RPC "}",
     "{\"rpc\": {\"type\": \"gRPC\", \"visibility\": 0}}",
     "[" NEED("ledger", "rpc", "gRPC", ", \"namespace\": false") "]", NULL, NEEDS_NOTHING, GOES,
     NULL},
    {"of another type", "{" RPC "}", "{\"rpc\": {\"type\": \"TCP\", \"visibility\": 15}}",
     NEEDS_RPC, NULL, NEEDS_RPC, REFUSED, "serves by another protocol"},
    {"nothing had endpoints", NULL, ONLY_HTTP, NEEDS_RPC, NULL, NEEDS_RPC, GOES, NULL},
};

static const char *words_of(const struct track *provider)
{
    return provider->refusal == NULL ? "" : provider->refusal;
}

static void expect_outcome(const struct track *provider, enum outcome outcome, const char *what)
{
    cr_expect_eq(provider->refusal != NULL, outcome != GOES, "%s: %s", what, words_of(provider));
    cr_expect_eq(provider->yields, outcome == YIELDS, "%s", what);
}

Test(contract_parties, one_consumer)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parties parties;
        parties_init(&parties, cases[i].before, cases[i].after);
        let_need(&parties.consumers[0], cases[i].stable, cases[i].next, cases[i].wanted);
        contract_check(&parties.engine, &parties.provider);
        expect_outcome(&parties.provider, cases[i].outcome, cases[i].what);
        if (cases[i].words != NULL)
            cr_expect_not_null(strstr(words_of(&parties.provider), cases[i].words), "%s: %s",
                               cases[i].what, words_of(&parties.provider));
        parties_fini(&parties);
    }
}

/* What keeps a consumer from doing without it before the provider moves. */
Test(contract_parties, a_consumer_that_cannot_move_is_not_waited_for)
{
    enum { FREE, GONE, NOWHERE, DONE, SHUT, HELD, ELSEWHERE, CASES };
    for (int i = 0; i < CASES; i++) {
        struct parties parties;
        parties_init(&parties, BOTH, ONLY_HTTP);
        struct track *consumer = &parties.consumers[0];
        let_need(consumer, NEEDS_RPC, NULL, NEEDS_NOTHING);
        consumer->manifest = i == GONE ? NULL : consumer->manifest;
        consumer->node = i == NOWHERE ? NULL : consumer->node;
        parties.verdicts[0].may_start = i != SHUT;
        parties.facts[0].state = NODE_FORWARD;
        consumer->rollout.state = i == HELD ? ROLLOUT_HELD : ROLLOUT_IDLE;
        if (i == DONE)
            memcpy(consumer->rollout.stable.deployment_digest, "wanted", sizeof "wanted");
        if (i == ELSEWHERE)
            snprintf(consumer->target, sizeof consumer->target, "testing");
        contract_check(&parties.engine, &parties.provider);
        char what[8];
        snprintf(what, sizeof what, "%d", i);
        expect_outcome(&parties.provider,
                       i == FREE        ? YIELDS
                       : i == ELSEWHERE ? GOES
                                        : REFUSED,
                       what);
        parties_fini(&parties);
    }
}

/* It gives way to those on its target that lose something and are about to do without it. */
Test(contract_parties, to_whom_a_provider_gives_way)
{
    struct parties parties;
    parties_init(&parties, BOTH, ONLY_HTTP);
    struct track *provider = &parties.provider, *front = &parties.consumers[0],
                 *back = &parties.consumers[1];
    let_need(front, NEEDS_RPC, NULL, NEEDS_NOTHING);
    let_need(back, NEEDS_NOTHING, NULL, NEEDS_NOTHING);
    cr_expect(contract_yields_to(&parties.engine, provider, front));
    cr_expect_not(contract_yields_to(&parties.engine, provider, back), "it loses nothing");
    cr_expect_not(contract_yields_to(&parties.engine, provider, provider));
    parties.verdicts[0].may_start = false;
    parties.facts[0].state = NODE_FORWARD;
    cr_expect_not(contract_yields_to(&parties.engine, provider, front), "it may not move");
    parties.verdicts[0].may_start = true;
    snprintf(front->target, sizeof front->target, "testing");
    cr_expect_not(contract_yields_to(&parties.engine, provider, front), "it is elsewhere");
    parties_fini(&parties);
}

/* Whose needs cannot be read for lack of memory may need it. */
Test(contract_parties, what_cannot_be_read_may_be_needed)
{
    struct parties parties;
    parties_init(&parties, BOTH, BOTH);
    struct packed *needs = pack(NEEDS_NOTHING);
    scarcity_begin(0, true);
    const bool may = contract_needs(needs, &parties.provider);
    scarcity_end();
    cr_expect(may);
    cr_expect_not(contract_needs(needs, &parties.provider));
    cr_expect_not(contract_needs(NULL, &parties.provider));
    (void)packed_unref(needs);
    parties_fini(&parties);
}

/* Of two, the one that cannot do without it decides, whichever comes first. */
Test(contract_parties, two_consumers)
{
    static const struct {
        const char *first, *second; /* what git wants of them; both need it now */
        enum outcome outcome;
        const char *named;
    } rows[] = {
        {NEEDS_RPC, NEEDS_RPC, REFUSED, "front of"},
        {NEEDS_RPC, NEEDS_NOTHING, REFUSED, "front of"},
        {NEEDS_NOTHING, NEEDS_RPC, REFUSED, "back of"},
        {NEEDS_NOTHING, NEEDS_NOTHING, YIELDS, "front of"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct parties parties;
        parties_init(&parties, BOTH, ONLY_HTTP);
        let_need(&parties.consumers[0], NEEDS_RPC, NULL, rows[i].first);
        let_need(&parties.consumers[1], NEEDS_RPC, NULL, rows[i].second);
        contract_check(&parties.engine, &parties.provider);
        expect_outcome(&parties.provider, rows[i].outcome, rows[i].named);
        cr_expect_eq(strncmp(words_of(&parties.provider), rows[i].named, strlen(rows[i].named)), 0,
                     "%s", words_of(&parties.provider));
        parties_fini(&parties);
    }
}

/* Without memory to compare, nothing is taken away from anybody. */
Test(contract_parties, what_cannot_be_compared_is_refused)
{
    bool seen = false;
    uint64_t failed = 1;
    for (uint64_t spared = 0; failed > 0; spared++) {
        struct parties parties;
        parties_init(&parties, BOTH, ONLY_HTTP);
        let_need(&parties.consumers[0], NEEDS_RPC, NULL, NEEDS_NOTHING);
        scarcity_begin(spared, false);
        contract_check(&parties.engine, &parties.provider);
        failed = scarcity_end();
        cr_expect(parties.provider.refusal != NULL || parties.engine.status == -ENOMEM, "after %u",
                  (unsigned)spared);
        seen = seen || strstr(words_of(&parties.provider), "no memory") != NULL;
        scarcity_begin(spared, false);
        const bool met = contract_is_met(&parties.consumers[0], &parties.provider);
        scarcity_end();
        scarcity_begin(0, true);
        cr_expect(contract_needs(parties.consumers[0].rollout.stable.needs, &parties.provider));
        scarcity_end();
        cr_expect(met || spared < 2);
        parties_fini(&parties);
    }
    cr_expect(seen);
}
