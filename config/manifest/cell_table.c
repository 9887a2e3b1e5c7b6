/* The schema table of a cell. */
#include "config/manifest/decode.h"
#include "config/manifest/decode_list.h"
#include "config/manifest/document_table.h"
#include "config/manifest/shapes.h"

#include <stddef.h>
#include <string.h>

#define CELL_COMPONENTS 200

const struct word drift_words[] = {
    {"correct", DRIFT_CORRECT},
    {"report", DRIFT_REPORT},
    {"freeze", DRIFT_FREEZE},
    {NULL, 0},
};
static const struct word role_kind_words[] = {{"AuthzRole", 0}, {"ClusterAuthzRole", 1}, {NULL, 0}};

/* --- access ----------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct access_rule, member)
static const struct field subject_fields[] = {
    {.name = "claim",
     .kind = FIELD_TEXT,
     .offset = AT(claim),
     .form = FORM_SOME,
     .required = true,
     .doc = "claim of the token: groups, sub"},
    {.name = "value",
     .kind = FIELD_TEXT,
     .offset = AT(value),
     .form = FORM_SOME,
     .required = true,
     .doc = "its value"},
};
static const struct shape subject_shape = {
    .name = "subject",
    .doc = "Who",
    .size = sizeof(struct access_rule),
    .fields = subject_fields,
    .field_count = SHAPE_COUNT(subject_fields),
};
static const struct field access_fields[] = {
    {.name = "role",
     .kind = FIELD_TEXT,
     .offset = AT(role),
     .form = FORM_LABEL,
     .required = true,
     .doc = "role of OpenChoreo"},
    {.name = "roleKind",
     .kind = FIELD_TEXT,
     .offset = AT(role_kind),
     .words = role_kind_words,
     .fallback = "ClusterAuthzRole",
     .is_default = true,
     .doc = "kind of the role"},
    {.name = "subject",
     .kind = FIELD_MAPPING,
     .shape = &subject_shape,
     .required = true,
     .doc = "who"},
    {.name = "environments",
     .kind = FIELD_TEXTS,
     .offset = AT(environments),
     .form = FORM_LABEL,
     .unique = true,
     .min = 1,
     .max = 100,
     .doc = "where; left out = everywhere"},
    {.name = "deny",
     .kind = FIELD_FLAG,
     .offset = AT(deny),
     .fallback = "false",
     .is_default = true,
     .doc = "takes the right away instead of giving it"},
};
static const struct shape access_shape = {
    .name = "access",
    .doc = "Who may do what in the cell",
    .size = sizeof(struct access_rule),
    .fields = access_fields,
    .fill = true,
    .field_count = SHAPE_COUNT(access_fields),
    .at = AT(at),
};
#undef AT

/* --- environments, targets -------------------------------------------------------------------- */

static const struct shape component_override_shape = {
    .name = "component override",
    .doc = "What is different for one component",
    .size = sizeof(struct component_override),
    .parts = {{&run_shape, offsetof(struct component_override, layer)},
              {&layer_shape, offsetof(struct component_override, layer)}},
};

#define AT(member) offsetof(struct override, member)
static const struct field override_fields[] = {
    {.name = "components",
     .kind = FIELD_TABLE,
     .offset = AT(components),
     .extra = AT(component_count),
     .shape = &component_override_shape,
     .form = FORM_LABEL,
     .doc = "what is different for single components, by their names"},
};
static const struct shape override_shape = {
    .name = "override",
    .doc = "What is different in one environment or target",
    .size = sizeof(struct override),
    .fields = override_fields,
    .field_count = SHAPE_COUNT(override_fields),
    .parts = {{&layer_shape, AT(layer)}},
};
#undef AT

/* --- stages ----------------------------------------------------------------------------------- */

static const struct word stage_words[] = {{"build", 0}, {"deploy", 1}, {NULL, 0}};

#define STEPS_SCHEMA "{\"type\": \"array\", \"items\": {\"type\": \"string\"}}"
static const char stages_schema[] =
    "{\"type\": \"array\", \"items\": {\"type\": \"object\", \"minProperties\": 1, "
    "\"maxProperties\": 1, \"properties\": {\"build\": " STEPS_SCHEMA ", \"deploy\": " STEPS_SCHEMA
    "}, \"additionalProperties\": false}}";

/* A list of mappings with one key each: the stage's name, and its steps. */
static void read_stages(struct decoder *decoder, const struct field *field,
                        const struct yaml_node *key, const struct yaml_node *value, void *object)
{
    static const struct field steps = {
        .name = "stage", .kind = FIELD_TEXTS, .form = FORM_SOME, .min = 1, .max = 100};
    struct cell *cell = object;
    (void)key;
    if (value->kind != YAML_KIND_SEQUENCE) {
        DECODE_ERROR(decoder, "E_TYPE", decode_place(decoder, value),
                     "\"%s\" must be a list of stages", field->name);
        return;
    }
    struct stage *stages = decode_array(decoder, value->length, sizeof(*stages));
    if (stages == NULL)
        return;
    size_t count = 0;
    for (const struct yaml_node *entry = value->first; entry != NULL; entry = entry->next) {
        int word = 0;
        if (entry->kind != YAML_KIND_MAPPING || entry->length != 1) {
            decode_report(decoder, DIAGNOSTIC_ERROR, "E_STAGE", decode_place(decoder, entry),
                          "write - build: or - deploy: with a list of steps",
                          "a stage is one name with its steps");
            continue;
        }
        const struct yaml_node *name = entry->first;
        if (!decode_word(decoder, field->name, stage_words, name, &word))
            continue;
        stages[count].name =
            (struct manifest_text){stage_words[word].name, decode_place(decoder, name)};
        decode_texts(decoder, &steps, yaml_value(name), &stages[count].steps);
        count++;
    }
    cell->stages = stages;
    cell->stage_count = count;
    decode_check_unique(decoder, "stage", stages, count, sizeof(*stages));
}

/* --- dependsOn -------------------------------------------------------------------------------- */

static void read_depends_on(struct decoder *decoder, const struct field *field,
                            const struct yaml_node *key, const struct yaml_node *value,
                            void *object)
{
    struct cell *cell = object;
    const struct yaml_node *only = value->kind == YAML_KIND_SEQUENCE ? value->first : NULL;
    if (only == NULL || only->next != NULL || only->kind != YAML_KIND_SCALAR ||
        strcmp(only->text, "*") != 0) {
        for (; only != NULL; only = only->next) {
            if (only->kind == YAML_KIND_SCALAR && strcmp(only->text, "*") == 0) {
                DECODE_ERROR(decoder, "E_DEPENDS_ON", decode_place(decoder, only),
                             "\"*\" means all other cells, and stands alone: [\"*\"]");
                return;
            }
        }
        decode_value(decoder, field, key, value, object);
        return;
    }
    cell->depends_on_all = true;
    cell->depends_on = (struct manifest_texts){.set = true, .at = decode_place(decoder, only)};
}

/* --- cell ------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct cell, member)
static const char depends_schema[] =
    "{\"oneOf\": [{\"const\": [\"*\"]}, {\"type\": \"array\", \"items\": "
    "{\"type\": \"string\", \"pattern\": \"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$\"}}]}";

static const struct field metadata_fields[] = {
    {.name = "name",
     .kind = FIELD_TEXT,
     .offset = AT(name),
     .form = FORM_LABEL,
     .required = true,
     .doc = "the cell's name; its project is the platform's prefix and this"},
};
static const struct shape metadata_shape = {
    .name = "cell metadata",
    .doc = "The cell's name",
    .size = sizeof(struct cell),
    .fields = metadata_fields,
    .field_count = SHAPE_COUNT(metadata_fields),
};

static const struct field spec_fields[] = {
    {.name = "displayName",
     .kind = FIELD_TEXT,
     .offset = AT(display_name),
     .form = FORM_SOME,
     .doc = "name for people"},
    {.name = "description",
     .kind = FIELD_TEXT,
     .offset = AT(description),
     .form = FORM_SOME,
     .doc = "what the cell is for"},
    {.name = "dependsOn",
     .kind = FIELD_TEXTS,
     .offset = AT(depends_on),
     .form = FORM_LABEL,
     .unique = true,
     .read = read_depends_on,
     .json_schema = depends_schema,
     .type_doc = "list of names",
     .doc = "cells that must be settled first; [\"*\"] = all others"},
    {.name = "components",
     .kind = FIELD_LIST,
     .offset = AT(components),
     .extra = AT(component_count),
     .shape = &component_shape,
     .unique = true,
     .required = true,
     .min = 1,
     .max = CELL_COMPONENTS,
     .doc = "what the cell consists of"},
    {.name = "suspend",
     .kind = FIELD_FLAG,
     .offset = AT(suspend),
     .fallback = "false",
     .is_default = true,
     .doc = "true: nothing of the cell is written, only looked at"},
    {.name = "adopt",
     .kind = FIELD_FLAG,
     .offset = AT(adopt),
     .fallback = "false",
     .is_default = true,
     .doc = "true: objects that are there without celld's mark are taken over"},
    {.name = "drift",
     .kind = FIELD_WORD,
     .offset = AT(drift),
     .extra = AT(drift_set),
     .words = drift_words,
     .doc = "what happens to changes from elsewhere; default: the platform's"},
    {.name = "access",
     .kind = FIELD_LIST,
     .offset = AT(access),
     .extra = AT(access_count),
     .shape = &access_shape,
     .min = 0,
     .max = 100,
     .doc = "who may do what in the cell"},
    {.name = "environments",
     .kind = FIELD_TABLE,
     .offset = AT(environments),
     .extra = AT(environment_count),
     .shape = &override_shape,
     .form = FORM_LABEL,
     .doc = "differences by environment, in all its regions"},
    {.name = "targets",
     .kind = FIELD_TABLE,
     .offset = AT(targets),
     .extra = AT(target_count),
     .shape = &override_shape,
     .form = FORM_TARGET,
     .doc = "differences of single targets (environment@region); they win over environments"},
    {.name = "stages",
     .kind = FIELD_OTHER,
     .read = read_stages,
     .json_schema = stages_schema,
     .type_doc = "list of stages",
     .doc = "the pipeline as the strategy writes it; checked against the platform's environments "
            "and gates"},
};
static const struct shape spec_shape = {
    .name = "cell spec",
    .doc = "What the cell is",
    .size = sizeof(struct cell),
    .fields = spec_fields,
    .field_count = SHAPE_COUNT(spec_fields),
    .parts = {{&layer_shape, AT(layer)}},
};

static const struct word kind_words[] = {{"Cell", 0}, {NULL, 0}};

static const struct field cell_fields[] = {
    DOCUMENT_TABLE_FIELDS("Cell", kind_words, &metadata_shape, "the cell's name", &spec_shape,
                          "what the cell is"),
};
const struct shape cell_shape = {
    .name = "Cell",
    .doc = "A bounded context, deployed as one project",
    .size = sizeof(struct cell),
    .fields = cell_fields,
    .field_count = SHAPE_COUNT(cell_fields),
};
#undef AT
