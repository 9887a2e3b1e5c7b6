/* Releases in quarantine, and who of them is let out. */
#include "reconciler/engine/quarantine.h"
#include "tests/reconciler/engine/parts.h"
#include "tests/reconciler/scarcity.h"

#include <criterion/criterion.h>

#include <errno.h>

TestSuite(quarantine_lift, .timeout = 600);

static const struct {
    const char *cell, *component, *target, *digest;
} entries[] = {
    {"shop", "api", "testing", "d1"},    {"shop", "api", "testing", "d2"},
    {"shop", "api", "production", "d1"}, {"shop", "web", "testing", "d1"},
    {"billing", "api", "testing", "d1"}, {"billing", "api", "testing", "d3"},
    {"a", "api", "testing", "d1"},       {"b", "api", "testing", "d1"},
    {"c", "api", "testing", "d1"},       {"d", "api", "testing", "d1"},
};
#define ENTRIES (sizeof entries / sizeof *entries)

static void fill(struct engine *engine)
{
    json_t *value =
        json_pack("{s:I, s:s, s:b}", "since", (json_int_t)5, "reason", "bad", "by_operator", 1);
    for (size_t i = 0; i < ENTRIES; i++)
        quarantine_apply(engine, entries[i].cell, entries[i].component, entries[i].target,
                         entries[i].digest, value);
    json_decref(value);
}

Test(quarantine_lift, quarantine_is_lifted_for_exactly_what_is_named)
{
    static const struct {
        const char *cell, *component, *target, *digest;
        size_t lifted;
    } rows[] = {
        {NULL, NULL, NULL, NULL, ENTRIES},   {"shop", NULL, NULL, NULL, 4},
        {"shop", "api", NULL, NULL, 3},      {"shop", "api", "testing", NULL, 2},
        {"shop", "api", "testing", "d2", 1}, {NULL, "web", NULL, NULL, 1},
        {NULL, NULL, "production", NULL, 1}, {NULL, NULL, NULL, "d3", 1},
        {"nobody", NULL, NULL, NULL, 0},     {"shop", "nothing", NULL, NULL, 0},
        {"shop", "api", "nowhere", NULL, 0}, {"shop", "api", "testing", "d9", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct engine *engine = parts_engine(1);
        fill(engine);
        cr_assert_eq(engine->quarantine_count, ENTRIES);
        struct effect_list effects;
        effect_list_init(&effects);
        engine->out = &effects;
        cr_expect_eq(quarantine_clear(engine, rows[i].cell, rows[i].component, rows[i].target,
                                      rows[i].digest),
                     rows[i].lifted, "%zu", i);
        cr_expect_eq(engine->quarantine_count, ENTRIES - rows[i].lifted, "%zu", i);
        cr_expect_eq(effects.count, rows[i].lifted, "%zu", i);
        cr_expect_eq(quarantine_find(engine, "shop", "api", "testing", "d2") == NULL, i <= 4, "%zu",
                     i);
        effect_list_fini(&effects);
        engine_free(engine);
    }
}

Test(quarantine_lift, quarantine_without_memory_says_so)
{
    int status = -ENOMEM;
    for (uint64_t spared = 0; status != 0; spared++) {
        struct engine *engine = parts_engine(1);
        scarcity_begin(spared, false);
        json_t *value = json_pack("{s:s}", "reason", "bad");
        for (size_t i = 0; i < ENTRIES && value != NULL; i++)
            quarantine_apply(engine, entries[i].cell, entries[i].component, entries[i].target,
                             entries[i].digest, value);
        const uint64_t failed = scarcity_end();
        status = value == NULL ? -ENOMEM : engine->status;
        cr_expect_eq(status, failed > 0 ? -ENOMEM : 0, "after %u", (unsigned)spared);
        json_decref(value);
        engine_free(engine);
    }
}
