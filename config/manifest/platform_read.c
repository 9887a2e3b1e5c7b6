#include "config/manifest/platform_read.h"

#include "config/base/arena.h"
#include "config/manifest/shapes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PRUNE_PERCENT 10
#define PRUNE_MINIMUM 3
#define ALL_DAYS 0x7Fu
#define TARGET_NAME_LIMIT 63u

static const struct word day_words[] = {{"mon", 0}, {"tue", 1}, {"wed", 2}, {"thu", 3},
                                        {"fri", 4}, {"sat", 5}, {"sun", 6}, {NULL, 0}};

void platform_read_days(struct decoder *decoder, const struct field *field,
                        const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    struct gate *gate = object;
    (void)key;
    if (value->kind != YAML_KIND_SEQUENCE || value->length == 0) {
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_TYPE", decode_place(decoder, value),
                      "write [mon, tue]", "\"%s\" must be a list of days", field->name);
        return;
    }
    for (const struct yaml_node *entry = value->first; entry != NULL; entry = entry->next) {
        int day = 0;
        if (decode_word(decoder, field->name, day_words, entry, &day))
            gate->days |= 1u << day;
    }
}

void platform_read_clock(struct decoder *decoder, const struct field *field,
                         const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    struct manifest_text text = {0};
    (void)key;
    if (!decode_text(decoder, field, value, &text))
        return;
    const int minute = form_clock(text.text);
    memcpy((char *)object + field->offset, &minute, sizeof(minute));
}

void platform_read_time(struct decoder *decoder, const struct field *field,
                        const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    struct manifest_text text = {0};
    struct wall_time time = {0};
    (void)key;
    if (decode_text(decoder, field, value, &text) && wall_time_parse(text.text, &time) == 0)
        memcpy((char *)object + field->offset, &time, sizeof(time));
}

void platform_read_percent(struct decoder *decoder, const struct field *field,
                           const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    struct prune_budget *budget = object;
    struct manifest_text text = {0};
    (void)key;
    if (!decode_text(decoder, field, value, &text))
        return;
    const size_t digits = strspn(text.text, "0123456789");
    const long percent = digits > 0 && digits <= 3 ? strtol(text.text, NULL, 10) : -1;
    if (percent < 0 || percent > 100 || strcmp(text.text + digits, "%") != 0) {
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_FORM", text.at, "write \"10%\"",
                      "\"%s\": \"%.40s\" is no percentage between 0%% and 100%%", field->name,
                      text.text);
        return;
    }
    budget->percent = (int)percent;
}

void platform_read_minimum(struct decoder *decoder, const struct field *field,
                           const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    struct prune_budget *budget = object;
    struct manifest_number number = {0};
    (void)key;
    if (decode_number(decoder, field, value, &number))
        budget->minimum = (int)number.value;
}

void platform_finish_window(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                            uint64_t seen)
{
    struct gate *gate = object;
    (void)seen;
    if (gate->days == 0)
        gate->days = ALL_DAYS;
    if (yaml_find(mapping, "from") != NULL && yaml_find(mapping, "to") != NULL &&
        gate->from_minute >= gate->to_minute)
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_WINDOW", decode_place(decoder, mapping),
                      "a window over midnight is two gates' work: end it at 24:00",
                      "the window closes before it opens");
}

void platform_finish_gate(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                          uint64_t seen)
{
    struct gate *gate = object;
    /* The order of the table: name, manual, workflow, window, timeout. */
    const bool manual = (seen & 2u) != 0, workflow = (seen & 4u) != 0, window = (seen & 8u) != 0;
    (void)mapping;
    gate->kind = workflow ? GATE_WORKFLOW : window ? GATE_WINDOW : GATE_MANUAL;
    if (manual + workflow + window != 1)
        decode_report(decoder, DIAGNOSTIC_ERROR, "E_GATE", gate->at,
                      "add manual: {}, workflow: {name: ...} or window: {...}",
                      "a gate is exactly one of manual, workflow and window");
    if ((seen & 16u) != 0 && !workflow)
        DECODE_ERROR(decoder, "E_GATE", gate->timeout.at, "only a workflow gate has a timeout");
}

void platform_finish_freeze(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                            uint64_t seen)
{
    const struct freeze_window *freeze = object;
    (void)seen;
    if (yaml_find(mapping, "from") != NULL && yaml_find(mapping, "to") != NULL &&
        freeze->from.ms >= freeze->to.ms)
        DECODE_ERROR(decoder, "E_WINDOW", freeze->at, "the freeze ends before it begins");
}

/* --- the whole -------------------------------------------------------------------------------- */

static const struct region *find_region(const struct platform *platform, const char *name)
{
    for (size_t i = 0; i < platform->region_count; i++) {
        if (platform->regions[i].name.text != NULL &&
            strcmp(platform->regions[i].name.text, name) == 0)
            return &platform->regions[i];
    }
    return NULL;
}

static bool is_named(const struct environment *environment, const struct region *region)
{
    for (size_t i = 0; i < environment->region_names.count; i++) {
        if (region->name.text != NULL &&
            strcmp(environment->region_names.items[i].text, region->name.text) == 0)
            return true;
    }
    return false;
}

static void resolve_regions(struct decoder *decoder, const struct platform *platform,
                            struct environment *environment)
{
    const struct region **regions =
        decode_array(decoder, platform->region_count, sizeof(struct region *));
    if (regions == NULL)
        return;
    for (size_t i = 0; i < environment->region_names.count; i++) {
        const struct manifest_text *name = &environment->region_names.items[i];
        if (find_region(platform, name->text) == NULL)
            decode_report(decoder, DIAGNOSTIC_ERROR, "E_UNKNOWN_REGION", name->at,
                          "name one of spec.regions", "there is no region \"%s\"", name->text);
    }
    for (size_t i = 0; i < platform->region_count; i++) {
        const bool wanted =
            environment->region_names.set ? is_named(environment, &platform->regions[i]) : i == 0;
        if (wanted)
            regions[environment->region_count++] = &platform->regions[i];
    }
    environment->regions = regions;
}

static const char *target_name(struct decoder *decoder, const struct environment *environment,
                               const struct region *region, bool primary)
{
    const char *name = environment->name.text;
    if (name == NULL || region->name.text == NULL)
        return "";
    const char *text =
        primary ? name : arena_format(decoder->arena, "%s-%s", name, region->name.text);
    if (text == NULL)
        decoder->status = -ENOMEM;
    else if (strlen(text) > TARGET_NAME_LIMIT)
        DECODE_ERROR(decoder, "E_NAME_LENGTH", environment->name.at,
                     "the target \"%s\" has a name of %zu characters; at most 63 are allowed", text,
                     strlen(text));
    return text == NULL ? "" : text;
}

static void list_targets(struct decoder *decoder, struct platform *platform)
{
    size_t count = 0;
    for (size_t i = 0; i < platform->environment_count; i++)
        count += platform->environments[i].region_count;
    struct target *targets = decode_array(decoder, count, sizeof(*targets));
    if (targets == NULL)
        return;
    platform->target_count = 0;
    for (size_t i = 0; i < platform->environment_count; i++) {
        const struct environment *environment = &platform->environments[i];
        for (size_t j = 0; j < environment->region_count; j++) {
            struct target *target = &targets[platform->target_count];
            *target = (struct target){
                .environment = environment,
                .region = environment->regions[j],
                .index = platform->target_count++,
                .environment_index = i,
                .primary = j == 0,
            };
            target->name = target_name(decoder, environment, target->region, target->primary);
        }
    }
    platform->targets = targets;
}

static void check_target_names(struct decoder *decoder, const struct platform *platform)
{
    for (size_t i = 0; i < platform->target_count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct target *a = &platform->targets[j], *b = &platform->targets[i];
            if (a->environment != b->environment && a->name[0] != '\0' &&
                strcmp(a->name, b->name) == 0)
                decode_conflict(decoder, "E_TARGET_NAME", b->environment->name.at,
                                a->environment->name.at, "the other environment",
                                "two targets would be the OpenChoreo environment \"%s\": rename an "
                                "environment",
                                a->name);
        }
    }
}

static bool has_environment(const struct platform *platform, const char *name)
{
    for (size_t i = 0; i < platform->environment_count; i++) {
        if (platform->environments[i].name.text != NULL &&
            strcmp(platform->environments[i].name.text, name) == 0)
            return true;
    }
    return false;
}

static void check_freezes(struct decoder *decoder, const struct platform *platform)
{
    for (size_t i = 0; i < platform->freeze_count; i++) {
        const struct manifest_texts *names = &platform->freezes[i].environments;
        for (size_t j = 0; j < names->count; j++) {
            if (!has_environment(platform, names->items[j].text))
                decode_report(decoder, DIAGNOSTIC_ERROR, "E_UNKNOWN_ENVIRONMENT",
                              names->items[j].at, "name one of spec.environments",
                              "there is no environment \"%s\"", names->items[j].text);
        }
    }
}

static int compare_texts(const void *left, const void *right)
{
    const struct manifest_text *a = *(const struct manifest_text *const *)left;
    const struct manifest_text *b = *(const struct manifest_text *const *)right;
    const int order = strcmp(a->text, b->text);
    if (order != 0)
        return order;
    if (a->at.line != b->at.line)
        return a->at.line < b->at.line ? -1 : 1;
    return a->at.column < b->at.column ? -1 : a->at.column > b->at.column;
}

/* A cell that is named in two phases. Twice in one phase is the list's own problem. */
static void check_phases(struct decoder *decoder, const struct platform *platform)
{
    size_t count = 0;
    for (size_t i = 0; i < platform->phase_count; i++)
        count += platform->phases[i].cells.count;
    const struct manifest_text **cells =
        decode_array(decoder, count, sizeof(struct manifest_text *));
    if (cells == NULL)
        return;
    count = 0;
    for (size_t i = 0; i < platform->phase_count; i++) {
        for (size_t j = 0; j < platform->phases[i].cells.count; j++)
            cells[count++] = &platform->phases[i].cells.items[j];
    }
    if (count > 1)
        qsort(cells, count, sizeof(struct manifest_text *), compare_texts);
    for (size_t i = 1; i < count; i++) {
        const struct manifest_text *a = cells[i - 1], *b = cells[i];
        if (strcmp(a->text, b->text) == 0)
            decode_conflict(decoder, "E_TWO_PHASES", b->at, a->at, "the other phase",
                            "the cell \"%s\" is in two phases: keep it in one", b->text);
    }
}

/* Nobody wrote where: where OpenChoreo's own installation puts things. */
static void put_default_region(struct decoder *decoder, struct platform *platform)
{
    static const char name[] = "default", kind[] = "ClusterDataPlane";
    struct region *region = decode_array(decoder, 1, sizeof(*region));
    if (region == NULL)
        return;
    region->name.text = name;
    region->data_plane_name.text = name;
    region->data_plane_kind.text = kind;
    platform->regions = region;
    platform->region_count = 1;
}

void platform_finish_spec(struct decoder *decoder, void *object, const struct yaml_node *mapping,
                          uint64_t seen)
{
    struct platform *platform = object;
    (void)seen;
    const struct yaml_node *prune = yaml_find(mapping, "prune");
    if (yaml_find(prune, "budget") == NULL)
        platform->prune.percent = PRUNE_PERCENT;
    if (yaml_find(prune, "minimum") == NULL)
        platform->prune.minimum = PRUNE_MINIMUM;
    if (yaml_find(mapping, "regions") == NULL)
        put_default_region(decoder, platform);
    struct environment *environments =
        decode_array(decoder, platform->environment_count, sizeof(*environments));
    if (environments == NULL || platform->region_count == 0)
        return;
    for (size_t i = 0; i < platform->environment_count; i++) {
        environments[i] = platform->environments[i];
        resolve_regions(decoder, platform, &environments[i]);
    }
    platform->environments = environments;
    list_targets(decoder, platform);
    check_target_names(decoder, platform);
    check_freezes(decoder, platform);
    check_phases(decoder, platform);
}
